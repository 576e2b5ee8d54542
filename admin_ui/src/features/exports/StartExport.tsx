import { useState } from "react";

import { useStartExport } from "@/api";
import { isRange, preset, toInterval } from "@/lib/dates";
import { useSession } from "@/session";
import { Button, Failure, Notice, Panel, RangeField, SelectField, useToast } from "@/ui";

import { FORMAT_LABELS, formatFor, KINDS, kindsFor, type Format, type Kind } from "./choices";

export function StartExport({ tenant }: { tenant: string }) {
  const { can } = useSession();
  const kinds = kindsFor((permission) => can(permission, tenant));
  const [first] = kinds;
  if (first === undefined) return <Notice tone="quiet">Your role may look at this page, but not start exports.</Notice>;
  return <StartForm tenant={tenant} kinds={kinds} first={first} />;
}

function StartForm({ tenant, kinds, first }: { tenant: string; kinds: readonly Kind[]; first: Kind }) {
  const start = useStartExport(tenant);
  const toast = useToast();
  const [kind, setKind] = useState(first);
  const [wanted, setWanted] = useState<Format>("csv");
  const [range, setRange] = useState(() => preset("month", new Date()));
  const format = formatFor(kind, wanted);
  const submit = () =>
    start.mutate(
      { kind, format, ...toInterval(range) },
      { onSuccess: () => toast(`${KINDS[kind].label} started.`) },
    );
  return (
    <Panel title="New export" note={KINDS[kind].about}>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          if (isRange(range)) submit();
        }}
      >
        <div className="toolbar">
          <SelectField
            label="Report"
            value={kind}
            options={kinds.map((choice) => [choice, KINDS[choice].label] as const)}
            onChange={(choice) => setKind(choice as Kind)}
          />
          <SelectField
            label="Format"
            value={format}
            options={KINDS[kind].formats.map((choice) => [choice, FORMAT_LABELS[choice]] as const)}
            onChange={(choice) => setWanted(choice as Format)}
          />
          <RangeField value={range} onChange={setRange} />
          <Button type="submit" variant="primary" busy={start.isPending}>
            Start export
          </Button>
        </div>
        {start.error && <Failure error={start.error} />}
      </form>
    </Panel>
  );
}
