import type { ReactNode } from "react";

import { count, sentence } from "@/lib/text";
import { Amount, DataTable, Dialog, Facts, Time, type Column } from "@/ui";

import { OutcomeBadge } from "./OutcomeBadge";
import { viewOf, type AuditRecord, type Detector, type RecordView } from "./record";

const DETECTORS: readonly Column<Detector>[] = [
  {
    key: "name",
    header: "Guard",
    head: true,
    cell: ({ name, version }) => (
      <>
        {name}
        <span className="table__sub">{version}</span>
      </>
    ),
  },
  { key: "direction", header: "Direction", cell: ({ direction }) => direction },
  { key: "verdict", header: "Verdict", cell: ({ verdict, category }) => category ?? verdict },
  { key: "score", header: "Score", kind: "num", cell: ({ score }) => score },
  { key: "action", header: "Action", cell: ({ action }) => action },
];

export function RecordDialog({ record, onClose }: { record: AuditRecord; onClose: () => void }) {
  const view = viewOf(record);
  return (
    <Dialog title={`Record #${count(record.seq)}`} wide onClose={onClose}>
      <div className="stack">
        <Facts items={facts(record, view)} />
        {view.detectors.length > 0 && (
          <DataTable
            caption="Guards"
            columns={DETECTORS}
            rows={view.detectors}
            rowKey={({ name, direction }) => `${name} ${direction}`}
            empty={null}
          />
        )}
        <details>
          <summary>The record as it was hashed</summary>
          <pre className="code">{JSON.stringify(record.body, null, 2)}</pre>
        </details>
      </div>
    </Dialog>
  );
}

function facts(record: AuditRecord, view: RecordView): (readonly [string, ReactNode])[] {
  const known: (readonly [string, ReactNode])[] = [
    ["Request", <code key="id">{record.request_id}</code>],
    ["Time", <Time key="at" at={record.at} precise />],
    [view.action === null ? "Outcome" : "Action", <OutcomeBadge key="outcome" view={view} />],
    ["Actor", view.actor],
    ["Target", view.target],
    ["Reason", view.reason],
    ["Masked", view.masked.map(([type, number]) => `${number} ${sentence(type.toLowerCase())}`).join(", ")],
    ["Tier", view.tier],
    ["Why this tier", view.routeReason],
    ["Upstream", view.upstream === null ? null : `${view.upstream} (${view.zone ?? "no zone"}), ${view.model ?? ""}`],
    ["Tokens", view.tokens === null ? null : count(view.tokens)],
    ["Cost", view.cost === null ? null : <Amount key="cost" value={view.cost} />],
    ["Time taken", view.totalMs === null ? null : `${view.totalMs} ms`],
    ["Previous hash", <code key="prev">{record.prev_hash}</code>],
    ["Hash", <code key="hash">{record.hash}</code>],
  ];
  return known.filter(([, value]) => value !== null && value !== "");
}
