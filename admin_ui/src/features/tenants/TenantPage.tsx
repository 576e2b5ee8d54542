import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import type { Schemas } from "@/api";
import { useSession } from "@/session";
import { Button, Loaded, Notice, Page, Panel } from "@/ui";

import { BudgetsPanel } from "./BudgetsPanel";
import { ProjectsPanel } from "./ProjectsPanel";
import { tenantQuery } from "./queries";
import { SettingsPanel } from "./SettingsPanel";
import { StatusDialog } from "./StatusDialog";

export function TenantPage({ tenant }: { tenant: string }) {
  const query = useQuery(tenantQuery(tenant));
  if (query.data !== undefined) return <TenantView tenant={query.data} />;
  return (
    <Page title={tenant}>
      <Panel>
        <Loaded query={query}>{() => null}</Loaded>
      </Panel>
    </Page>
  );
}

function TenantView({ tenant }: { tenant: Schemas["Tenant"] }) {
  const { can } = useSession();
  const [changing, setChanging] = useState(false);
  const suspended = tenant.status === "suspended";
  const toggle = can("tenants.govern", tenant.name) && (
    <Button variant={suspended ? "primary" : "danger"} onClick={() => setChanging(true)}>
      {suspended ? "Resume tenant" : "Suspend tenant"}
    </Button>
  );
  return (
    <Page title={tenant.display_name} context={tenant.name} actions={toggle}>
      {suspended && (
        <Notice tone="bad">This tenant is suspended: every request with one of its keys is refused.</Notice>
      )}
      {can("budgets.read", tenant.name) && <BudgetsPanel tenant={tenant.name} />}
      <div className="split split--even">
        <SettingsPanel key={JSON.stringify(tenant)} tenant={tenant} />
        <ProjectsPanel tenant={tenant.name} />
      </div>
      {changing && <StatusDialog tenant={tenant} onClose={() => setChanging(false)} />}
    </Page>
  );
}
