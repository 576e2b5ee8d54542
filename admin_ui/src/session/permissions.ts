// What the signed-in account may do, as `/me` says it. The API decides again on every
// call: this only hides controls that could not work.
import type { Schemas } from "@/api";

export type Me = Schemas["Me"];
export type Permission = Schemas["Permission"];

type Abilities = Me["abilities"];

/** Whether a permission is held on a tenant; on the deployment as a whole where it is null. */
export function can(abilities: Abilities, permission: Permission, tenant: string | null): boolean {
  return abilities.some(
    (ability) => (ability.tenant === null || ability.tenant === tenant) && ability.permissions.includes(permission),
  );
}

/** Whether a permission is held on any tenant at all. */
export function canSomewhere(abilities: Abilities, permission: Permission): boolean {
  return abilities.some((ability) => ability.permissions.includes(permission));
}
