import { useState } from "react";

import type { Schemas } from "@/api";
import { AreaField, Button, CheckField, Failure, Notice, TextField, useToast } from "@/ui";

import { definitionOf, draftOf, fieldOf, LANGUAGES, mistakes, type Draft } from "./draft";
import { PatternsField } from "./PatternsField";
import { useChangeRecognizer, useProblems } from "./queries";
import { useSettled } from "./useSettled";

const LANGUAGE_NAMES = { en: "English", de: "German", fr: "French", zh: "Chinese" } as const;

interface RecognizerFormProps {
  tenant: string;
  recognizer?: Schemas["Recognizer"];
  onDone: () => void;
}

export function RecognizerForm({ tenant, recognizer, onDone }: RecognizerFormProps) {
  const [draft, setDraft] = useState(() => draftOf(recognizer?.definition));
  const [touched, setTouched] = useState(false);
  const change = useChangeRecognizer(tenant);
  const toast = useToast();
  const own = mistakes(draft);
  const definition = definitionOf(draft, recognizer?.definition);
  const complete = Object.keys(own).length === 0;
  const settled = useSettled(complete ? JSON.stringify(definition) : undefined, 350);
  const verdict = useProblems(tenant, settled === undefined ? undefined : (JSON.parse(settled) as typeof definition));
  const problems = complete ? (verdict.data?.problems ?? []) : [];
  const errors: Record<string, string> = touched ? { ...own } : {};
  for (const { param, message } of problems) errors[fieldOf(param)] ??= message;
  const set = (changes: Partial<Draft>) => setDraft({ ...draft, ...changes });
  const saved = () => {
    toast(`Recognizer ${draft.name} is saved.`);
    onDone();
  };
  const submit = () => {
    setTouched(true);
    if (!complete || problems.length > 0) return;
    change.mutate(
      recognizer === undefined
        ? { kind: "create", definition }
        : { kind: "update", id: recognizer.id, version: recognizer.version, definition },
      { onSuccess: saved },
    );
  };
  const general = errors[""];
  return (
    <form
      className="form"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <div className="form__row">
        <TextField
          label="Name"
          maxLength={63}
          placeholder="employee-number"
          hint="Shown as the detector of a finding."
          error={errors.name}
          value={draft.name}
          onChange={(event) => set({ name: event.target.value })}
        />
        <TextField
          label="Entity type"
          maxLength={40}
          placeholder="EMPLOYEE_ID"
          hint="What stands in the token: [EMPLOYEE_ID_1]."
          error={errors.entity}
          value={draft.entity}
          onChange={(event) => set({ entity: event.target.value.toUpperCase().replaceAll(/[ -]/g, "_") })}
        />
      </div>
      <Languages draft={draft} set={set} />
      <PatternsField patterns={draft.patterns} errors={errors} onChange={(patterns) => set({ patterns })} />
      <AreaField
        label="Values to find"
        rows={3}
        hint="One a line, in any capitals. They are stored encrypted."
        error={errors["deny_list.values"]}
        value={draft.denied}
        onChange={(event) => set({ denied: event.target.value })}
      />
      <CheckField label="Whole words only" checked={draft.wholeWords} onChange={(wholeWords) => set({ wholeWords })} />
      <TextField
        label="Context words"
        placeholder="employee, personnel, Personal"
        hint="Separated by commas. Near one of them a finding is surer."
        error={errors["context.words"]}
        value={draft.words}
        onChange={(event) => set({ words: event.target.value })}
      />
      <CheckField
        label="Nothing is found without a context word"
        checked={draft.required}
        onChange={(required) => set({ required })}
      />
      <details className="more" open={draft.allowed !== "" || draft.allowedPatterns !== ""}>
        <summary>Values that are never masked</summary>
        <div className="form">
          <AreaField
            label="Allowed values"
            rows={3}
            hint="One a line, exactly as they are found: help@example.com"
            error={errors["allow_list.values"]}
            value={draft.allowed}
            onChange={(event) => set({ allowed: event.target.value })}
          />
          <AreaField
            label="Allowed patterns"
            rows={2}
            mono
            hint="One a line; each must match a whole finding: .+@example\.com"
            error={errors["allow_list.patterns"]}
            value={draft.allowedPatterns}
            onChange={(event) => set({ allowedPatterns: event.target.value })}
          />
        </div>
      </details>
      {general !== undefined && <Notice tone="warn">{general}</Notice>}
      {verdict.error && complete && <Failure error={verdict.error} />}
      {change.error && <Failure error={change.error} />}
      <div className="form__actions">
        <Button onClick={onDone}>Cancel</Button>
        <Button type="submit" variant="primary" busy={change.isPending} disabled={problems.length > 0}>
          Save recognizer
        </Button>
      </div>
    </form>
  );
}

function Languages({ draft, set }: { draft: Draft; set: (changes: Partial<Draft>) => void }) {
  return (
    <fieldset className="choices">
      <legend className="field__label">Languages</legend>
      <div className="choices__list">
        {LANGUAGES.map((language) => (
          <CheckField
            key={language}
            label={LANGUAGE_NAMES[language]}
            checked={draft.languages.includes(language)}
            onChange={(checked) =>
              set({
                languages: LANGUAGES.filter((each) => (each === language ? checked : draft.languages.includes(each))),
              })
            }
          />
        ))}
      </div>
      <p className="field__hint">None chosen: texts of all languages.</p>
    </fieldset>
  );
}
