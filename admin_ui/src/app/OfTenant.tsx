import type { ComponentType } from "react";
import { useParams } from "react-router";

import { useSession, type Permission } from "@/session";
import { Empty, Page } from "@/ui";

interface OfTenantProps {
  page: ComponentType<{ tenant: string }>;
  needs: Permission;
}

/** A page of the tenant in the address, made anew for each tenant so that no state crosses over. */
export function OfTenant({ page: PageOfTenant, needs }: OfTenantProps) {
  const { tenant = "" } = useParams();
  const session = useSession();
  if (!session.can(needs, tenant)) {
    return (
      <Page title="Not available">
        <Empty title="Your role does not cover this page">
          Ask an owner for the permission “{needs}” on the tenant {tenant}.
        </Empty>
      </Page>
    );
  }
  return <PageOfTenant key={tenant} tenant={tenant} />;
}
