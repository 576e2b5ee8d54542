import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";

import { tenantsQuery, type Schemas } from "@/api";
import { useSession } from "@/session";
import { Button, DataTable, Empty, Loaded, LimitsText, Page, Panel, Time, type Column } from "@/ui";

import { CreateTenantDialog } from "./CreateTenantDialog";

import { StatusBadge } from "./StatusBadge";

type Tenant = Schemas["Tenant"];

const COLUMNS: readonly Column<Tenant>[] = [
  {
    key: "name",
    header: "Tenant",
    head: true,
    cell: ({ name, display_name }) => (
      <>
        <Link to={`/tenants/${encodeURIComponent(name)}`}>{name}</Link>
        {display_name !== name && <span className="table__sub">{display_name}</span>}
      </>
    ),
  },
  { key: "status", header: "Status", cell: ({ status }) => <StatusBadge status={status} /> },
  { key: "policy", header: "Policy", cell: ({ policy }) => policy },
  { key: "limits", header: "Limits", cell: ({ limits }) => <LimitsText limits={limits} /> },
  { key: "created", header: "Created", kind: "fit", cell: ({ created_at }) => <Time at={created_at} /> },
];

export function TenantsPage() {
  const { can } = useSession();
  const tenants = useQuery(tenantsQuery);
  const [creating, setCreating] = useState(false);
  const create = can("tenants.govern", null) && (
    <Button variant="primary" icon="plus" onClick={() => setCreating(true)}>
      New tenant
    </Button>
  );
  return (
    <Page title="Tenants" note="Units that are kept apart: traffic, money, keys, records." actions={create}>
      <Panel flush>
        <Loaded query={tenants}>
          {({ items }) => (
            <DataTable
              caption="Tenants"
              columns={COLUMNS}
              rows={items}
              rowKey={({ name }) => name}
              empty={<Empty title="No tenants yet">A tenant holds keys, budgets and limits. Create the first one.</Empty>}
            />
          )}
        </Loaded>
      </Panel>
      {creating && <CreateTenantDialog onClose={() => setCreating(false)} />}
    </Page>
  );
}
