import { describe, expect, it } from "vitest";

import { can, canSomewhere, type Me } from "./permissions";

const ABILITIES: Me["abilities"] = [
  { tenant: "acme", permissions: ["keys.read", "keys.write"] },
  { tenant: "globex", permissions: ["keys.read"] },
];

describe("can", () => {
  it("holds for the tenant of the role and no other", () => {
    expect(can(ABILITIES, "keys.write", "acme")).toBe(true);
    expect(can(ABILITIES, "keys.write", "globex")).toBe(false);
    expect(can(ABILITIES, "keys.read", "initech")).toBe(false);
  });

  it("does not turn a tenant's role into a global one", () => {
    expect(can(ABILITIES, "keys.write", null)).toBe(false);
    expect(canSomewhere(ABILITIES, "keys.write")).toBe(true);
    expect(canSomewhere(ABILITIES, "audit.read")).toBe(false);
  });

  it("covers every tenant with a global role", () => {
    const everywhere: Me["abilities"] = [{ tenant: null, permissions: ["audit.read"] }];
    expect(can(everywhere, "audit.read", "acme")).toBe(true);
    expect(can(everywhere, "audit.read", null)).toBe(true);
    expect(can(everywhere, "keys.read", "acme")).toBe(false);
  });
});
