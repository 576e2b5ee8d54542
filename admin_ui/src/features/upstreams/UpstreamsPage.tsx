import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { useSession } from "@/session";
import { Badge, Button, ConfirmDialog, DataTable, Empty, Loaded, Page, Panel, Time, useToast, type Column } from "@/ui";

import { upstreamsQuery, useChangeUpstream, type Upstream } from "./queries";
import { UpstreamDialog } from "./UpstreamDialog";

type Asked = { kind: "create" } | { kind: "edit" | "delete"; upstream: Upstream };

export function UpstreamsPage() {
  const { can } = useSession();
  if (!can("upstreams.read", null)) {
    return (
      <Page title="Upstreams">
        <Empty title="Your role does not cover this page">It is for those who run the deployment, and auditors.</Empty>
      </Page>
    );
  }
  return (
    <Page title="Upstreams" note="Where models run. A change holds within seconds on all replicas.">
      <UpstreamsPanel writes={can("upstreams.write", null)} />
    </Page>
  );
}

function UpstreamsPanel({ writes }: { writes: boolean }) {
  const upstreams = useQuery(upstreamsQuery);
  const [asked, setAsked] = useState<Asked>();
  const close = () => setAsked(undefined);
  const homeZones = upstreams.data?.home_zones ?? null;
  const add = writes && (
    <Button small icon="plus" onClick={() => setAsked({ kind: "create" })}>
      New upstream
    </Button>
  );
  const note = homeZones === null ? "Those of the file are changed in the file" : `Sovereign: only ${homeZones.join(", ")}`;
  return (
    <Panel title="Upstreams" note={note} actions={add} flush>
      <Loaded query={upstreams}>
        {({ items }) => (
          <DataTable
            caption="Upstreams"
            columns={columns(writes ? setAsked : undefined)}
            rows={items}
            rowKey={({ name, origin }) => `${origin} ${name}`}
            empty={<Empty title="No upstream yet">Add a server that speaks the OpenAI API, or a pool of workers.</Empty>}
          />
        )}
      </Loaded>
      {asked?.kind === "create" && <UpstreamDialog homeZones={homeZones} onClose={close} />}
      {asked?.kind === "edit" && <UpstreamDialog upstream={asked.upstream} homeZones={homeZones} onClose={close} />}
      {asked?.kind === "delete" && <DeleteUpstream upstream={asked.upstream} onClose={close} />}
    </Panel>
  );
}

function columns(ask: ((asked: Asked) => void) | undefined): readonly Column<Upstream>[] {
  return [
    {
      key: "name",
      header: "Upstream",
      head: true,
      cell: ({ name, kind }) => (
        <>
          {name}
          <span className="table__sub">{kind}</span>
        </>
      ),
    },
    { key: "zone", header: "Zone", cell: ({ zone }) => <Badge>{zone}</Badge> },
    { key: "models", header: "Models", cell: ({ models }) => models.join(", ") },
    { key: "state", header: "State", cell: (upstream) => <State upstream={upstream} /> },
    {
      key: "origin",
      header: "From",
      cell: ({ origin }) => <Badge tone={origin === "file" ? "quiet" : "accent"}>{origin === "file" ? "File" : "Here"}</Badge>,
    },
    { key: "changed", header: "Changed", kind: "fit", cell: ({ updated_at }) => <Time at={updated_at} never="—" /> },
    ...(ask === undefined ? [] : [actions(ask)]),
  ];
}

const NOT_SERVING = {
  shadowed: "The file has one of this name",
  no_key: "The variable of its key is not set",
  refused: "The settings do not allow it",
} as const;

function State({ upstream: { state, healthy, detail } }: { upstream: Upstream }) {
  if (state !== "serving") {
    return (
      <>
        <Badge tone="bad">Not serving</Badge>
        <span className="table__sub">{NOT_SERVING[state]}</span>
      </>
    );
  }
  return (
    <>
      <Badge tone={healthy === false ? "bad" : "good"}>{healthy === false ? "Unhealthy" : "Serving"}</Badge>
      {detail !== null && <span className="table__sub">{detail}</span>}
    </>
  );
}

function actions(ask: (asked: Asked) => void): Column<Upstream> {
  return {
    key: "actions",
    header: "Actions",
    kind: "fit",
    cell: (upstream) =>
      upstream.origin === "database" && (
        <span className="table__actions">
          <Button small aria-label={`Edit ${upstream.name}`} onClick={() => ask({ kind: "edit", upstream })}>
            Edit
          </Button>
          <Button small variant="danger" aria-label={`Delete ${upstream.name}`} onClick={() => ask({ kind: "delete", upstream })}>
            Delete
          </Button>
        </span>
      ),
  };
}

function DeleteUpstream({ upstream, onClose }: { upstream: Upstream; onClose: () => void }) {
  const change = useChangeUpstream();
  const toast = useToast();
  const { name, version } = upstream;
  const deleted = () => {
    toast(`Upstream ${name} is deleted.`);
    onClose();
  };
  return (
    <ConfirmDialog
      title={`Delete the upstream “${name}”?`}
      action="Delete upstream"
      busy={change.isPending}
      error={change.error}
      onConfirm={() => version !== null && change.mutate({ kind: "delete", name, version }, { onSuccess: deleted })}
      onClose={onClose}
    >
      <p>Requests under way end with it. New ones go to other upstreams of the same model, or fail.</p>
    </ConfirmDialog>
  );
}
