import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";

import type { Schemas } from "@/api";
import { count, sentence } from "@/lib/text";
import { useSession } from "@/session";
import { Amount, DataTable, Dialog, Facts, Icon, Loaded, Time, type Column } from "@/ui";

import { OutcomeBadge } from "./OutcomeBadge";
import { proofUrl, recordQuery } from "./queries";
import { RequestDetails } from "./RequestDetails";
import { viewOf, type AuditRecord, type Detector, type RecordView } from "./record";

type Fact = readonly [string, ReactNode];

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

interface RecordDialogProps {
  tenant: string;
  record: AuditRecord;
  onClose: () => void;
}

/** One record: what happened, what is known of its request, and its place in the chain. */
export function RecordDialog({ tenant, record, onClose }: RecordDialogProps) {
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
        {record.kind === "request" && <RequestDetails requestId={record.request_id} />}
        <Chain tenant={tenant} record={record} />
        <details>
          <summary>The record as it was hashed</summary>
          <pre className="code">{JSON.stringify(record.body, null, 2)}</pre>
        </details>
      </div>
    </Dialog>
  );
}

function facts(record: AuditRecord, view: RecordView): Fact[] {
  const code = (value: string | null) => value !== null && <code>{value}</code>;
  const known: (readonly [string, ReactNode])[] = [
    [view.action === null ? "Request" : "Record", <code key="id">{record.request_id}</code>],
    ["Joined the chain", <Time key="at" at={record.at} precise />],
    [view.action === null ? "Outcome" : "Action", <OutcomeBadge key="outcome" view={view} />],
    ["Actor", view.actor === null ? null : `${view.actor}${view.method === null ? "" : `, by ${view.method}`}`],
    ["Target", code(view.target)],
    ["Reason", view.reason],
    ["Before", code(view.before)],
    ["After", code(view.after)],
    ["Status", view.status],
    ["Ended because", view.finishReason],
    ["Key", code(view.key)],
    ["Project", code(view.project)],
    ["End user", code(view.user)],
    ["Policy", view.policy],
    ["Masked", view.masked.map(([type, number]) => `${count(number)} ${sentence(type.toLowerCase())}`).join(", ")],
    ["Asked for", view.requestedModel],
    ["Tier", view.tier],
    ["Why this tier", view.routeReason],
    ["Upstream", view.upstream === null ? null : `${view.upstream} (${view.zone ?? "no zone"}), ${view.model ?? ""}`],
    [
      "Cache",
      view.cache === null ? null : (
        <span key="cache">
          {view.cache.kind} hit, as <code>{view.cache.request}</code> was answered by {view.cache.model}
          {view.cache.similarity !== null && `; similarity ${view.cache.similarity}`}
        </span>
      ),
    ],
    ["Attempts", view.attempts !== null && view.attempts > 1 ? count(view.attempts) : null],
    ["Tokens", view.tokens === null ? null : tokens(view)],
    ["Cost", view.cost === null ? null : <Amount key="cost" value={view.cost} />],
    ["Price version", code(view.priceVersion)],
    ["Trace", code(view.traceId)],
  ];
  return known.filter(([, value]) => value !== null && value !== "" && value !== false);
}

function tokens({ tokens: total, tokenClasses }: RecordView): string {
  const parts = tokenClasses.map(([name, number]) => `${count(number)} ${name.replace(/_/g, " ")}`);
  return parts.length > 1 ? `${count(total ?? 0)}: ${parts.join(", ")}` : count(total ?? 0);
}

function Chain({ tenant, record }: { tenant: string; record: AuditRecord }) {
  const details = useQuery(recordQuery(tenant, record.seq));
  const { can } = useSession();
  return (
    <section className="audit__section" aria-label="Place in the chain">
      <h3>Place in the chain</h3>
      <Facts
        items={[
          ["Previous hash", <code key="prev">{record.prev_hash}</code>],
          ["Hash", <code key="hash">{record.hash}</code>],
        ]}
      />
      <Loaded query={details}>
        {({ checkpoint }) => (
          <>
            <Facts items={[["Signed by", <Signed key="signed" checkpoint={checkpoint} />]]} />
            {checkpoint !== null && can("exports.audit", tenant) && (
              <a className="button button--small" href={proofUrl(tenant, record.seq)} download>
                <Icon name="download" />
                Download proof
              </a>
            )}
          </>
        )}
      </Loaded>
    </section>
  );
}

function Signed({ checkpoint }: { checkpoint: Schemas["AuditCheckpoint"] | null }) {
  if (checkpoint === null) return <span className="muted">no checkpoint yet; the next one covers it</span>;
  return (
    <>
      checkpoint #{count(checkpoint.seq)} of <Time at={checkpoint.at} precise />, key <code>{checkpoint.key_id}</code>
    </>
  );
}
