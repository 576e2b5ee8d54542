import { Navigate, Route, Routes } from "react-router";

import { AuditPage } from "@/features/audit";
import { ExportsPage } from "@/features/exports";
import { KeysPage } from "@/features/keys";
import { OverviewPage } from "@/features/overview";
import { PrivacyPage } from "@/features/privacy";
import { SystemPage } from "@/features/system";
import { TenantPage, TenantsPage } from "@/features/tenants";
import { UpstreamsPage } from "@/features/upstreams";
import { UsagePage } from "@/features/usage";
import { useSession } from "@/session";
import { Empty, Page } from "@/ui";

import { OfTenant } from "./OfTenant";

export function AppRoutes() {
  const session = useSession();
  const home = session.canSomewhere("overview.read") ? <OverviewPage /> : <Navigate to="/tenants" replace />;
  return (
    <Routes>
      <Route index element={home} />
      <Route path="tenants" element={<TenantsPage />} />
      <Route path="upstreams" element={<UpstreamsPage />} />
      <Route path="system" element={<SystemPage />} />
      <Route path="tenants/:tenant" element={<OfTenant page={TenantPage} needs="tenants.read" />} />
      <Route path="tenants/:tenant/keys" element={<OfTenant page={KeysPage} needs="keys.read" />} />
      <Route path="tenants/:tenant/privacy" element={<OfTenant page={PrivacyPage} needs="recognizers.read" />} />
      <Route path="tenants/:tenant/usage" element={<OfTenant page={UsagePage} needs="usage.read" />} />
      <Route path="tenants/:tenant/exports" element={<OfTenant page={ExportsPage} needs="exports.read" />} />
      <Route path="tenants/:tenant/audit" element={<OfTenant page={AuditPage} needs="audit.read" />} />
      <Route path="*" element={<Missing />} />
    </Routes>
  );
}

function Missing() {
  return (
    <Page title="Not found">
      <Empty title="There is no such page">Choose one from the menu.</Empty>
    </Page>
  );
}
