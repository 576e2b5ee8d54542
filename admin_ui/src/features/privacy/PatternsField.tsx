import { Button, CheckField, TextField } from "@/ui";

import { EMPTY_PATTERN, type PatternDraft } from "./draft";

interface PatternsFieldProps {
  patterns: readonly PatternDraft[];
  /** By the API's name of the field: `patterns.0.regex`. */
  errors: Readonly<Record<string, string>>;
  onChange: (patterns: readonly PatternDraft[]) => void;
}

export function PatternsField({ patterns, errors, onChange }: PatternsFieldProps) {
  const replace = (index: number, changes: Partial<PatternDraft>) =>
    onChange(patterns.map((pattern, at) => (at === index ? { ...pattern, ...changes } : pattern)));
  return (
    <fieldset className="choices">
      <legend className="field__label">Patterns</legend>
      {patterns.map((pattern, index) => (
        <div className="pattern" key={index}>
          <TextField
            label={`Pattern ${index + 1}`}
            className="mono"
            spellCheck={false}
            placeholder="\bAC-\d{5}\b"
            error={errors[`patterns.${index}.regex`]}
            value={pattern.regex}
            onChange={(event) => replace(index, { regex: event.target.value })}
          />
          <TextField
            label={`Score ${index + 1}`}
            inputMode="decimal"
            error={errors[`patterns.${index}.score`]}
            value={pattern.score}
            onChange={(event) => replace(index, { score: event.target.value })}
          />
          <CheckField
            label="Any capitals"
            checked={pattern.ignoreCase}
            onChange={(ignoreCase) => replace(index, { ignoreCase })}
          />
          <Button
            small
            variant="ghost"
            icon="close"
            aria-label={`Remove pattern ${index + 1}`}
            onClick={() => onChange(patterns.filter((_, at) => at !== index))}
          />
        </div>
      ))}
      <div>
        <Button small icon="plus" disabled={patterns.length >= 20} onClick={() => onChange([...patterns, EMPTY_PATTERN])}>
          Add pattern
        </Button>
      </div>
    </fieldset>
  );
}
