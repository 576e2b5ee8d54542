import { useQuery } from "@tanstack/react-query";

import type { Schemas } from "@/api";
import { sentence } from "@/lib/text";
import { Amount, DataTable, Loaded, Time, type Column } from "@/ui";

import { requestQuery } from "./queries";

type Details = Schemas["RequestDetails"];
type Entry = Details["ledger"][number];

const ENTRIES: readonly Column<Entry>[] = [
  { key: "kind", header: "Entry", head: true, cell: ({ kind }) => sentence(kind) },
  { key: "at", header: "Dated", kind: "fit", cell: ({ at }) => <Time at={at} precise /> },
  { key: "accounts", header: "Accounts", cell: ({ debit, credit }) => `${credit} to ${debit}` },
  { key: "amount", header: "Amount", kind: "num", cell: ({ amount }) => <Amount value={amount} /> },
  { key: "reason", header: "Reason", cell: ({ reason }) => reason },
];

/** Why a request went where it went, where its time did, and what the ledger says of it. */
export function RequestDetails({ requestId }: { requestId: string }) {
  const details = useQuery(requestQuery(requestId));
  return (
    <Loaded query={details}>
      {({ explanation, timeline, ledger }) => (
        <>
          {explanation !== null && <p>{explanation}</p>}
          {timeline.length > 0 && <Timeline steps={timeline} />}
          {ledger.length > 0 && (
            <DataTable
              caption="Ledger entries"
              columns={ENTRIES}
              rows={ledger}
              rowKey={({ id }) => String(id)}
              empty={null}
            />
          )}
        </>
      )}
    </Loaded>
  );
}

function Timeline({ steps }: { steps: Details["timeline"] }) {
  const total = steps.reduce((end, { start_us, duration_us }) => Math.max(end, start_us + duration_us), 1);
  return (
    <section className="audit__section" aria-label="Where the time went">
      <h3>Where the time went: {milliseconds(total)}</h3>
      <dl className="facts audit__latency">
        {steps.map(({ stage, start_us, duration_us }) => (
          <div key={stage}>
            <dt>{sentence(stage)}</dt>
            <dd>
              <Span start={start_us / total} share={duration_us / total} />
              <span className="nowrap">{milliseconds(duration_us)}</span>
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

/** A part of the whole time, where it lies. */
function Span({ start, share }: { start: number; share: number }) {
  const width = Math.max(0.5, share * 100);
  return (
    <span className="meter__track" aria-hidden="true">
      <svg viewBox="0 0 100 1" preserveAspectRatio="none">
        <rect x={Math.min(start * 100, 100 - width)} width={width} height="1" />
      </svg>
    </span>
  );
}

function milliseconds(us: number): string {
  return `${(us / 1000).toFixed(1)} ms`;
}
