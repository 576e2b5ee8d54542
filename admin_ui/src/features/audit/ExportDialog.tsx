import { useState } from "react";
import { Link } from "react-router";

import { useStartExport } from "@/api";
import { isRange, preset, toInterval } from "@/lib/dates";
import { Button, Dialog, Facts, Failure, Notice, RangeField, SelectField, useToast } from "@/ui";

import { isFiltered, tidy, type Asked } from "./filters";

const FORMATS = [
  ["jsonl", "JSON lines"],
  ["csv", "CSV"],
  ["parquet", "Parquet"],
] as const;

/** An export of what the page shows: a whole run with a signed end, or records with proofs. */
export function ExportDialog({ tenant, asked, onClose }: { tenant: string; asked: Asked; onClose: () => void }) {
  const start = useStartExport(tenant);
  const toast = useToast();
  const [format, setFormat] = useState<(typeof FORMATS)[number][0]>("jsonl");
  const [range, setRange] = useState(asked.range ?? preset("30d", new Date()));
  const filter = tidy(asked.filter);
  const submit = () =>
    start.mutate(
      { kind: "audit", format, ...toInterval(range), ...(isFiltered(asked) && { filter }) },
      {
        onSuccess: () => {
          toast("Export started. It appears under Exports.");
          onClose();
        },
      },
    );
  return (
    <Dialog title="Export records" wide onClose={onClose}>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          if (isRange(range)) submit();
        }}
      >
        <div className="toolbar">
          <SelectField
            label="Format"
            value={format}
            options={FORMATS}
            onChange={(name) => setFormat(FORMATS.find(([known]) => known === name)?.[0] ?? "jsonl")}
          />
          <RangeField value={range} onChange={setRange} />
        </div>
        {isFiltered(asked) ? (
          <>
            <Facts items={Object.entries(filter)} />
            <Notice tone="quiet">
              Only records with these filters, each with a proof that it is in the chain. Such a file does not prove that none
              is missing; clear the filters to export every record of the days.
            </Notice>
          </>
        ) : (
          <p className="muted">Every record of these days, closed by a signed checkpoint: a missing record would show.</p>
        )}
        {start.error && <Failure error={start.error} />}
        <div className="form__actions">
          <Link className="button button--plain" to={`/tenants/${encodeURIComponent(tenant)}/exports`}>
            Show exports
          </Link>
          <Button type="submit" variant="primary" busy={start.isPending}>
            Start export
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
