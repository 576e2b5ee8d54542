import { useQuery } from "@tanstack/react-query";

import type { Schemas } from "@/api";
import { addDays, dayOf } from "@/lib/dates";
import { bytes, sentence } from "@/lib/text";
import { Badge, DataTable, Empty, Icon, Loaded, Page, Panel, Time, type Column } from "@/ui";

import { FORMAT_LABELS, KINDS } from "./choices";
import { downloadUrl, exportsQuery } from "./queries";
import { StartExport } from "./StartExport";

type Export = Schemas["Export"];

export function ExportsPage({ tenant }: { tenant: string }) {
  const exports = useQuery(exportsQuery(tenant));
  return (
    <Page title="Exports" context={tenant} note="Reports are written in the background and stay here to download.">
      <StartExport tenant={tenant} />
      <Panel title="Files" flush>
        <Loaded query={exports}>
          {({ items }) => (
            <DataTable
              caption="Exports"
              columns={COLUMNS}
              rows={items}
              rowKey={({ id }) => id}
              empty={<Empty title="No exports yet">Start one above; it appears here with its progress.</Empty>}
            />
          )}
        </Loaded>
      </Panel>
    </Page>
  );
}

const COLUMNS: readonly Column<Export>[] = [
  {
    key: "kind",
    header: "Report",
    head: true,
    cell: ({ kind, id }) => (
      <>
        {KINDS[kind].label}
        <span className="table__sub mono">{id}</span>
      </>
    ),
  },
  { key: "range", header: "Days (UTC)", cell: (job) => <span className="nowrap">{daysText(job)}</span> },
  { key: "format", header: "Format", cell: ({ format }) => FORMAT_LABELS[format] },
  { key: "status", header: "Status", cell: (job) => <Progress job={job} /> },
  { key: "size", header: "Size", kind: "num", cell: ({ size_bytes }) => (size_bytes === null ? "" : bytes(size_bytes)) },
  { key: "created", header: "Started", kind: "fit", cell: ({ created_at }) => <Time at={created_at} /> },
  { key: "file", header: "File", kind: "fit", cell: (job) => job.status === "done" && <Download job={job} /> },
];

function daysText({ start, end }: Export): string {
  const first = start.slice(0, 10);
  const last = end.endsWith("T00:00:00.000000Z") || end.endsWith("T00:00:00Z") ? addDays(end.slice(0, 10), -1) : dayOf(new Date(end));
  return first === last ? first : `${first} – ${last}`;
}

function Progress({ job }: { job: Export }) {
  switch (job.status) {
    case "done":
      return <Badge tone="good">Ready</Badge>;
    case "failed":
      return <Badge tone="bad">Failed: {sentence(job.error ?? "unknown error")}</Badge>;
    case "queued":
    case "running":
      return (
        <Badge tone="accent">
          <span className="spinner" aria-hidden="true" />
          {job.status === "queued" ? "Waiting" : "Writing"}
        </Badge>
      );
  }
}

function Download({ job }: { job: Export }) {
  return (
    <a
      className="button button--small"
      href={downloadUrl(job)}
      download
      aria-label={`Download the ${KINDS[job.kind].label.toLowerCase()} ${job.id}`}
    >
      <Icon name="download" />
      Download
    </a>
  );
}
