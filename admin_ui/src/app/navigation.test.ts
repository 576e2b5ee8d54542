import { describe, expect, it } from "vitest";

import type { Permission, Session } from "@/session";

import { deploymentItems, samePage, tenantItems } from "./navigation";

function sessionWith(global: Permission[], acme: Permission[]): Session {
  const can = (permission: Permission, tenant: string | null) =>
    global.includes(permission) || (tenant === "acme" && acme.includes(permission));
  return {
    me: { user_id: "usr_1", email: "a@example.com", roles: [], abilities: [], csrf_token: "", session_expires_at: "" },
    can,
    canSomewhere: (permission) => can(permission, "acme"),
  };
}

describe("navigation", () => {
  it("shows what the account can use and nothing else", () => {
    const auditor = sessionWith([], ["tenants.read", "audit.read", "exports.read"]);
    expect(tenantItems(auditor, "acme").map(({ label }) => label)).toEqual(["Settings", "Exports", "Audit"]);
    expect(tenantItems(auditor, "globex")).toEqual([]);
    expect(deploymentItems(auditor).map(({ label }) => label)).toEqual(["Tenants"]);
    expect(deploymentItems(sessionWith(["system.read"], [])).map(({ label }) => label)).toEqual(["System"]);
    expect(deploymentItems(sessionWith(["upstreams.read"], [])).map(({ label }) => label)).toEqual(["Upstreams"]);
  });

  it("keeps the page when the tenant changes", () => {
    expect(samePage("/tenants/acme/usage", "globex")).toBe("/tenants/globex/usage");
    expect(samePage("/tenants/acme", "globex")).toBe("/tenants/globex");
    expect(samePage("/", "globex")).toBe("/tenants/globex");
  });
});
