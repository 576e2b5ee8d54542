import { useState } from "react";

import { AreaField, Button, Dialog, Failure, Notice, Segments, TextField, useToast } from "@/ui";

import { definitionOf, draftOf, mistakes, type Draft } from "./draft";
import { useChangeUpstream, useTestUpstream, type Upstream } from "./queries";

const KINDS = [
  ["openai", "One server"],
  ["pool", "Pool of workers"],
] as const;

interface UpstreamDialogProps {
  /** The one to change; a new one without it. */
  upstream?: Upstream;
  /** What a sovereign deployment allows; null: any zone. */
  homeZones: readonly string[] | null;
  onClose: () => void;
}

export function UpstreamDialog({ upstream, homeZones, onClose }: UpstreamDialogProps) {
  const base = upstream?.definition ?? undefined;
  const [draft, setDraft] = useState(() => draftOf(base, homeZones?.[0] ?? "onprem"));
  const [touched, setTouched] = useState(false);
  const change = useChangeUpstream();
  const test = useTestUpstream();
  const toast = useToast();
  const own = mistakes(draft);
  const errors = touched ? own : {};
  const complete = Object.keys(own).length === 0;
  const definition = definitionOf(draft, base);
  const version = upstream?.version ?? undefined;
  const set = (changes: Partial<Draft>) => {
    setDraft({ ...draft, ...changes });
    test.reset();
  };
  const saved = () => {
    toast(`Upstream ${draft.name} is saved.`);
    onClose();
  };
  const submit = () => {
    setTouched(true);
    if (!complete) return;
    change.mutate(version === undefined ? { kind: "create", definition } : { kind: "update", version, definition }, {
      onSuccess: saved,
    });
  };
  const ask = () => {
    setTouched(true);
    if (complete) test.mutate(definition);
  };
  return (
    <Dialog title={upstream === undefined ? "New upstream" : `Edit ${upstream.name}`} wide onClose={onClose}>
      <form
        className="form"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <Fields draft={draft} errors={errors} homeZones={homeZones} fixedName={upstream !== undefined} set={set} />
        {test.data !== undefined && <Notice tone={test.data.answers ? "quiet" : "warn"}>{test.data.detail}</Notice>}
        {test.error && <Failure error={test.error} />}
        {change.error && <Failure error={change.error} />}
        <div className="form__actions">
          <Button onClick={onClose}>Cancel</Button>
          <Button busy={test.isPending} onClick={ask}>
            Test
          </Button>
          <Button type="submit" variant="primary" busy={change.isPending}>
            Save upstream
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

interface FieldsProps {
  draft: Draft;
  errors: Partial<Record<keyof Draft, string>>;
  homeZones: readonly string[] | null;
  fixedName: boolean;
  set: (changes: Partial<Draft>) => void;
}

function Fields({ draft, errors, homeZones, fixedName, set }: FieldsProps) {
  const pool = draft.kind === "pool";
  const zones = homeZones === null ? "Policies say which zones traffic may go to." : `At home here: ${homeZones.join(", ")}.`;
  return (
    <>
      <div className="form__row">
        <TextField
          label="Name"
          maxLength={63}
          placeholder="models-eu"
          readOnly={fixedName}
          hint={fixedName ? "Records hold it: it stays." : "Shown in headers, records and reports."}
          error={errors.name}
          value={draft.name}
          onChange={(event) => set({ name: event.target.value })}
        />
        <TextField
          label="Zone"
          maxLength={63}
          hint={zones}
          error={errors.zone}
          value={draft.zone}
          onChange={(event) => set({ zone: event.target.value })}
        />
      </div>
      <Segments label="Kind" value={draft.kind} options={KINDS} onChange={(kind) => set({ kind })} />
      <AreaField
        label={pool ? "Addresses" : "Address"}
        rows={pool ? 3 : 1}
        mono
        placeholder={pool ? "https://worker-1.example.com:9100" : "https://models.example.com/v1"}
        hint={pool ? "One a line, without /v1." : "It ends with /v1."}
        error={errors.urls}
        value={draft.urls}
        onChange={(event) => set({ urls: event.target.value })}
      />
      <AreaField
        label="Models"
        rows={3}
        mono
        hint="One a line, by the names that applications and the server use."
        error={errors.models}
        value={draft.models}
        onChange={(event) => set({ models: event.target.value })}
      />
      <TextField
        label="Variable with the API key"
        className="mono"
        placeholder="UPSTREAM_KEY_EU"
        hint="Of the gateways’ environment. The key itself is never stored here."
        error={errors.keyVariable}
        value={draft.keyVariable}
        onChange={(event) => set({ keyVariable: event.target.value.trim() })}
      />
    </>
  );
}
