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
      header: "Chain",
      head: true,
      cell: ({ record: { seq, hash } }) => (
        <>
          #{count(seq)}
          <span className="table__sub mono" title={`sha256 ${hash}`}>
            {hash.slice(0, 8)}
          </span>
        </>
      ),
    },
    {
      key: "at",
      header: "Time and request",
      kind: "fit",
      cell: ({ record: { at, request_id } }) => (
        <>
          <Time at={at} precise />
          <span className="table__sub mono" title={request_id}>
            {shorten(request_id, 14)}
          </span>
        </>
      ),
    },
    { key: "outcome", header: "Outcome", cell: ({ view }) => <OutcomeBadge view={view} /> },
    { key: "guards", header: "Guards", cell: ({ view }) => guards(view) },
    {
      key: "tier",
      header: "Tier",
      cell: ({ view: { tier, routeReason } }) =>
        tier !== null && (
          <span className="nowrap" title={routeReason ?? undefined}>
            {tier}
          </span>
        ),
    },
    { key: "upstream", header: "Upstream or target", cell: ({ view }) => where(view) },
    { key: "tokens", header: "Tokens", kind: "num", cell: ({ view: { tokens } }) => (tokens === null ? "" : count(tokens)) },
    { key: "cost", header: "Cost", kind: "num", cell: ({ view: { cost } }) => cost !== null && <Amount value={cost} /> },
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

/** Who answered a request; what an administrator changed, and who that was. */
function where({ upstream, zone, model, target, actor, cache }: RecordView): ReactNode {
  if (cache !== null) {
    return (
      <>
        {cache.model}
        <span className="table__sub nowrap">cache · {cache.kind}</span>
      </>
    );
  }
  if (upstream !== null) {
    return (
      <>
        {model}
        <span className="table__sub nowrap">
          {upstream} · {zone}
        </span>
      </>
    );
  }
  if (target === null) return null;
  return (
    <>
      <span title={target}>{shorten(target, 14)}</span>
      {actor !== null && (
        <span className="table__sub mono" title={actor}>
          {shorten(actor, 14)}
        </span>
      )}
    </>
  );
}

/** What the guards did: masked values by type, and the verdicts that were acted on. */
function guards(view: RecordView): ReactNode {
  const verdicts = notable(view).filter(({ action }) => action !== "mask");
  if (view.masked.length === 0 && verdicts.length === 0) return null;
  return (
    <span className="badges">
      {view.masked.map(([type, number]) => (
        <Badge key={type} tone="accent">
          {sentence(type.toLowerCase())} ×{count(number)}
        </Badge>
      ))}
      {verdicts.map(({ name, direction, action, category }) => (
        <Badge key={`${name} ${direction}`} tone={action === "block" ? "bad" : "warn"}>
          {category ?? name}: {action}
        </Badge>
      ))}
    </span>
  );
}
