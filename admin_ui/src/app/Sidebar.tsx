import { useQuery } from "@tanstack/react-query";
import { NavLink, useLocation, useNavigate } from "react-router";

import { tenantsQuery } from "@/api";
import { AccountMenu } from "@/features/account";
import { useSession } from "@/session";
import { Icon, SelectField } from "@/ui";

import { deploymentItems, samePage, tenantItems, type NavItem } from "./navigation";

interface SidebarProps {
  tenant: string | undefined;
  open: boolean;
  onNavigate: () => void;
}

export function Sidebar({ tenant, open, onNavigate }: SidebarProps) {
  const session = useSession();
  return (
    <div id="sidebar" className={open ? "sidebar sidebar--open" : "sidebar"}>
      <div className="sidebar__brand">
        <span className="sidebar__mark">
          <Icon name="audit" size={18} />
        </span>
        Sovgate
      </div>
      <nav aria-label="Main" className="sidebar__nav">
        <Links items={deploymentItems(session)} onNavigate={onNavigate} />
        {tenant !== undefined && (
          <>
            <TenantSwitch tenant={tenant} />
            <Links items={tenantItems(session, tenant)} onNavigate={onNavigate} />
          </>
        )}
      </nav>
      <AccountMenu />
    </div>
  );
}

function Links({ items, onNavigate }: { items: readonly NavItem[]; onNavigate: () => void }) {
  return (
    <ul>
      {items.map(({ to, label, icon, end }) => (
        <li key={to}>
          <NavLink to={to} end={end ?? false} className="sidebar__link" onClick={onNavigate}>
            <Icon name={icon} />
            {label}
          </NavLink>
        </li>
      ))}
    </ul>
  );
}

function TenantSwitch({ tenant }: { tenant: string }) {
  const { data } = useQuery(tenantsQuery);
  const { pathname } = useLocation();
  const navigate = useNavigate();
  const names = data?.items.map(({ name }) => name) ?? [];
  const options = names.includes(tenant) ? names : [tenant, ...names];
  return (
    <div className="sidebar__tenant">
      <SelectField
        label="Tenant"
        value={tenant}
        options={options.map((name) => [name, name] as const)}
        onChange={(name) => void navigate(samePage(pathname, name))}
      />
    </div>
  );
}
