import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { keysQuery, projectsQuery, type Schemas } from "@/api";
import { useSession } from "@/session";
import { Badge, Button, DataTable, Empty, LimitsText, Loaded, Page, Panel, Segments, Time, type Column } from "@/ui";

import { CreateKeyDialog } from "./CreateKeyDialog";
import { RevokeKeyDialog } from "./RevokeKeyDialog";

type Key = Schemas["VirtualKey"];
type Shown = "active" | "all";

const TONES = { active: "good", revoked: "bad", expired: "warn" } as const;
const STATUS = { active: "Active", revoked: "Revoked", expired: "Expired" } as const;

export function KeysPage({ tenant }: { tenant: string }) {
  const { can } = useSession();
  const writes = can("keys.write", tenant);
  const keys = useQuery(keysQuery(tenant));
  const projects = useQuery(projectsQuery(tenant)).data?.items ?? [];
  const names = new Map(projects.map(({ id, name }) => [id, name]));
  const [shown, setShown] = useState<Shown>("all");
  const [creating, setCreating] = useState(false);
  const [revoking, setRevoking] = useState<Key>();
  const create = writes && (
    <Button variant="primary" icon="plus" onClick={() => setCreating(true)}>
      New key
    </Button>
  );
  return (
    <Page title="Keys" context={tenant} note="Applications sign in with a virtual key instead of a provider's." actions={create}>
      <Panel
        title="Virtual keys"
        flush
        actions={
          <Segments
            label="Show"
            hideLabel
            value={shown}
            options={[
              ["active", "Active"],
              ["all", "All"],
            ]}
            onChange={setShown}
          />
        }
      >
        <Loaded query={keys}>
          {({ items }) => (
            <DataTable
              caption="Virtual keys"
              columns={columns(names, writes ? setRevoking : undefined)}
              rows={inOrder(items).filter(({ status }) => shown === "all" || status === "active")}
              rowKey={({ id }) => id}
              empty={<Empty title="No keys here yet">Create one, then use it as the api_key of any OpenAI SDK.</Empty>}
            />
          )}
        </Loaded>
      </Panel>
      {creating && <CreateKeyDialog tenant={tenant} onClose={() => setCreating(false)} />}
      {revoking && <RevokeKeyDialog apiKey={revoking} onClose={() => setRevoking(undefined)} />}
    </Page>
  );
}

/** Those that work first, then the newest. */
function inOrder(keys: readonly Key[]): Key[] {
  const rank = ({ status }: Key) => (status === "active" ? 0 : 1);
  return [...keys].sort((a, b) => rank(a) - rank(b) || b.created_at.localeCompare(a.created_at));
}

function columns(projects: ReadonlyMap<string, string>, revoke: ((key: Key) => void) | undefined): readonly Column<Key>[] {
  return [
    {
      key: "name",
      header: "Name",
      head: true,
      cell: ({ name, id }) => (
        <>
          {name}
          <span className="table__sub mono">{id}</span>
        </>
      ),
    },
    { key: "prefix", header: "Key", cell: ({ prefix }) => <code>{prefix}…</code> },
    { key: "project", header: "Project", cell: ({ project_id }) => projects.get(project_id) ?? <code>{project_id}</code> },
    { key: "status", header: "Status", cell: ({ status }) => <Badge tone={TONES[status]}>{STATUS[status]}</Badge> },
    { key: "limits", header: "Limits", cell: ({ limits }) => <LimitsText limits={limits} /> },
    { key: "created", header: "Created", kind: "fit", cell: ({ created_at }) => <Time at={created_at} /> },
    {
      key: "ends",
      header: "Ends",
      kind: "fit",
      cell: ({ revoked_at, expires_at }) => <Time at={revoked_at ?? expires_at} never="never" />,
    },
    ...(revoke === undefined ? [] : [revokeColumn(revoke)]),
  ];
}

function revokeColumn(revoke: (key: Key) => void): Column<Key> {
  return {
    key: "actions",
    header: "Actions",
    kind: "fit",
    cell: (key) =>
      key.status === "active" && (
        <Button small variant="danger" aria-label={`Revoke ${key.name}`} onClick={() => revoke(key)}>
          Revoke
        </Button>
      ),
  };
}
