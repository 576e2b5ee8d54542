import { useState } from "react";

import { isRange, preset } from "@/lib/dates";
import { sentence } from "@/lib/text";
import { Button, CheckField, RangeField, SelectField, TextField } from "@/ui";

import { countOfTexts, EVERYTHING, OUTCOMES, TEXTS, tidy, type Asked, type RecordFilter } from "./filters";

const KINDS = [
  ["", "All records"],
  ["request", "Requests"],
  ["admin", "Administration"],
] as const;

interface FilterBarProps {
  onAsk: (asked: Asked) => void;
}

/** What is shown: a draft until it is applied. */
export function FilterBar({ onAsk }: FilterBarProps) {
  const [draft, setDraft] = useState<Asked>(EVERYTHING);
  const { filter, range } = draft;
  const change = (part: RecordFilter) => setDraft({ ...draft, filter: { ...filter, ...part } });
  const apply = (asked: Asked) => {
    setDraft(asked);
    if (asked.range === null || isRange(asked.range)) onAsk({ ...asked, filter: tidy(asked.filter) });
  };
  const hidden = countOfTexts(filter);
  return (
    <form
      className="form"
      aria-label="What is shown"
      onSubmit={(event) => {
        event.preventDefault();
        apply(draft);
      }}
    >
      <div className="toolbar">
        <SelectField label="Kind" value={filter.kind ?? ""} options={KINDS} onChange={(kind) => change({ kind })} />
        <SelectField
          label="Outcome"
          value={filter.outcome ?? ""}
          options={[["", "Any"], ...OUTCOMES.map((name) => [name, sentence(name)] as const)]}
          onChange={(outcome) => change({ outcome })}
        />
        {range !== null && <RangeField value={range} onChange={(days) => setDraft({ ...draft, range: days })} />}
        <Button type="submit" variant="primary">
          Apply
        </Button>
        <Button onClick={() => apply(EVERYTHING)}>Clear</Button>
      </div>
      <CheckField
        label="Only some days"
        checked={range !== null}
        onChange={(some) => setDraft({ ...draft, range: some ? preset("7d", new Date()) : null })}
      />
      <details>
        <summary>More filters{hidden > 0 && ` (${String(hidden)})`}</summary>
        <div className="audit__texts">
          {TEXTS.map(([name, label, placeholder]) => (
            <TextField
              key={name}
              label={label}
              placeholder={placeholder}
              maxLength={200}
              value={filter[name] ?? ""}
              onChange={(event) => change({ [name]: event.target.value })}
            />
          ))}
        </div>
      </details>
    </form>
  );
}
