import type { Schemas } from "@/api";
import { Badge } from "@/ui";

export function StatusBadge({ status }: { status: Schemas["TenantStatus"] }) {
  return status === "active" ? <Badge tone="good">Active</Badge> : <Badge tone="bad">Suspended</Badge>;
}
