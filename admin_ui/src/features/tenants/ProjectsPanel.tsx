import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { projectsQuery, type Schemas } from "@/api";
import { useSession } from "@/session";
import { Button, DataTable, Dialog, Empty, Failure, Loaded, Panel, TextField, Time, type Column } from "@/ui";

import { useCreateProject } from "./queries";

const COLUMNS: readonly Column<Schemas["Project"]>[] = [
  {
    key: "name",
    header: "Project",
    head: true,
    cell: ({ name, id }) => (
      <>
        {name}
        <span className="table__sub mono">{id}</span>
      </>
    ),
  },
  { key: "created", header: "Created", kind: "fit", cell: ({ created_at }) => <Time at={created_at} /> },
];

export function ProjectsPanel({ tenant }: { tenant: string }) {
  const { can } = useSession();
  const projects = useQuery(projectsQuery(tenant));
  const [creating, setCreating] = useState(false);
  const create = can("projects.write", tenant) && (
    <Button small icon="plus" onClick={() => setCreating(true)}>
      New project
    </Button>
  );
  return (
    <Panel title="Projects" note="Parts of the tenant with keys and budgets of their own" actions={create} flush>
      <Loaded query={projects}>
        {({ items }) => (
          <DataTable
            caption="Projects"
            columns={COLUMNS}
            rows={items}
            rowKey={({ id }) => id}
            empty={<Empty title="No projects yet">The first key makes the project “default”.</Empty>}
          />
        )}
      </Loaded>
      {creating && <CreateProjectDialog tenant={tenant} onClose={() => setCreating(false)} />}
    </Panel>
  );
}

function CreateProjectDialog({ tenant, onClose }: { tenant: string; onClose: () => void }) {
  const create = useCreateProject(tenant);
  const [name, setName] = useState("");
  return (
    <Dialog title="New project" onClose={onClose}>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          create.mutate({ name }, { onSuccess: onClose });
        }}
      >
        <TextField label="Name" required maxLength={120} placeholder="support-bot" value={name} onChange={(event) => setName(event.target.value)} />
        {create.error && <Failure error={create.error} />}
        <div className="form__actions">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" variant="primary" busy={create.isPending}>
            Create project
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
