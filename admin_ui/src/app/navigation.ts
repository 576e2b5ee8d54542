import type { Session } from "@/session";
import type { IconName } from "@/ui";

export interface NavItem {
  to: string;
  label: string;
  icon: IconName;
  end?: boolean;
}

/** The pages of the deployment that an account can use. */
export function deploymentItems(session: Session): NavItem[] {
  return [
    ...(session.canSomewhere("overview.read") ? [{ to: "/", label: "Overview", icon: "overview", end: true } as const] : []),
    ...(session.canSomewhere("tenants.read") ? [{ to: "/tenants", label: "Tenants", icon: "tenants", end: true } as const] : []),
    ...(session.can("upstreams.read", null) ? [{ to: "/upstreams", label: "Upstreams", icon: "upstreams" } as const] : []),
    ...(session.can("system.read", null) ? [{ to: "/system", label: "System", icon: "system" } as const] : []),
  ];
}

/** The pages of one tenant that an account can use. */
export function tenantItems(session: Session, tenant: string): NavItem[] {
  const base = `/tenants/${encodeURIComponent(tenant)}`;
  const items: (readonly [boolean, NavItem])[] = [
    [session.can("tenants.read", tenant), { to: base, label: "Settings", icon: "tenants", end: true }],
    [session.can("keys.read", tenant), { to: `${base}/keys`, label: "Keys", icon: "keys" }],
    [session.can("recognizers.read", tenant), { to: `${base}/privacy`, label: "Privacy", icon: "privacy" }],
    [session.can("usage.read", tenant), { to: `${base}/usage`, label: "Usage", icon: "usage" }],
    [session.can("exports.read", tenant), { to: `${base}/exports`, label: "Exports", icon: "exports" }],
    [session.can("audit.read", tenant), { to: `${base}/audit`, label: "Audit", icon: "audit" }],
  ];
  return items.filter(([shown]) => shown).map(([, item]) => item);
}

/** The same page of another tenant: /tenants/acme/usage -> /tenants/globex/usage */
export function samePage(path: string, tenant: string): string {
  const [, page] = /^\/tenants\/[^/]+\/([a-z]+)/.exec(path) ?? [];
  return `/tenants/${encodeURIComponent(tenant)}${page === undefined ? "" : `/${page}`}`;
}
