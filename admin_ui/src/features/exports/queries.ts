import { queryOptions } from "@tanstack/react-query";

import { api, body, type Schemas } from "@/api";

import { isUnderWay } from "./choices";

const POLL_MS = 1000;

/** The tenant's exports; asked for again each second while one is under way. */
export function exportsQuery(tenant: string) {
  return queryOptions({
    queryKey: ["exports", tenant],
    queryFn: ({ signal }) => body(api.GET("/tenants/{tenant}/exports", { params: { path: { tenant } }, signal })),
    refetchInterval: (query) => (query.state.data?.items.some(isUnderWay) ? POLL_MS : false),
  });
}

/** Where the browser fetches the file itself, with its session cookie. */
export function downloadUrl({ tenant, id }: Schemas["Export"]): string {
  return `/admin/api/v1/tenants/${encodeURIComponent(tenant)}/exports/${encodeURIComponent(id)}/download`;
}
