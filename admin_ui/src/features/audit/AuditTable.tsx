import type { ReactNode } from "react";

import { count, sentence, shorten } from "@/lib/text";
import { Amount, Badge, Button, DataTable, Time, type Column } from "@/ui";

import { OutcomeBadge } from "./OutcomeBadge";
import { notable, viewOf, type AuditRecord, type RecordView } from "./record";

interface AuditTableProps {
  records: readonly AuditRecord[];
  onOpen: (record: AuditRecord) => void;
  empty: ReactNode;
}

interface Row {
  record: AuditRecord;
  view: RecordView;
}

export function AuditTable({ records, onOpen, empty }: AuditTableProps) {
  const rows = records.map((record): Row => ({ record, view: viewOf(record) }));
  return (
    <DataTable
      caption="Audit records, newest first"
      columns={columns(onOpen)}
      rows={rows}
      rowKey={({ record }) => String(record.seq)}
      empty={empty}
    />
  );
}

function columns(onOpen: (record: AuditRecord) => void): readonly Column<Row>[] {
  return [
    {
      key: "seq",
      header: "Record",
      head: true,
      cell: ({ record }) => (
        <>
          #{count(record.seq)}
          <span className="table__sub mono" title={record.request_id}>
            {shorten(record.request_id)}
          </span>
        </>
      ),
    },
    { key: "at", header: "Time", kind: "fit", cell: ({ record }) => <Time at={record.at} precise /> },
    { key: "outcome", header: "Outcome", cell: ({ view }) => <OutcomeBadge view={view} /> },
    { key: "guards", header: "Guards", cell: ({ view }) => <Guards view={view} /> },
    {
      key: "tier",
      header: "Tier",
      cell: ({ view }) => <span title={view.routeReason ?? undefined}>{view.tier ?? ""}</span>,
    },
    {
      key: "upstream",
      header: "Upstream",
      cell: ({ view: { upstream, zone, model } }) =>
        upstream !== null && (
          <>
            {upstream} <Badge>{zone}</Badge>
            <span className="table__sub">{model}</span>
          </>
        ),
    },
    { key: "tokens", header: "Tokens", kind: "num", cell: ({ view: { tokens } }) => (tokens === null ? "" : count(tokens)) },
    { key: "cost", header: "Cost", kind: "num", cell: ({ view: { cost } }) => cost !== null && <Amount value={cost} /> },
    {
      key: "hash",
      header: "Chain",
      cell: ({ record: { hash } }) => <code title={`sha256 ${hash}`}>{hash.slice(0, 8)}</code>,
    },
    {
      key: "actions",
      header: "Details",
      kind: "fit",
      cell: ({ record }) => (
        <Button small aria-label={`Details of record ${String(record.seq)}`} onClick={() => onOpen(record)}>
          Details
        </Button>
      ),
    },
  ];
}

/** What the guards did: masked values by type, and the verdicts that were acted on. */
function Guards({ view }: { view: RecordView }) {
  return (
    <span className="badges">
      {view.masked.map(([type, number]) => (
        <Badge key={type} tone="accent">
          {count(number)} {sentence(type.toLowerCase())}
        </Badge>
      ))}
      {notable(view)
        .filter(({ action }) => action !== "mask")
        .map(({ name, direction, action, category }) => (
          <Badge key={`${name} ${direction}`} tone={action === "block" ? "bad" : "warn"}>
            {category ?? name}: {action}
          </Badge>
        ))}
    </span>
  );
}
