// Calls that more than one part of the UI needs. Keys start with what is read, then the tenant.
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";

import { api, body, type Schemas } from "./client";

export const tenantsQuery = queryOptions({
  queryKey: ["tenants"],
  queryFn: ({ signal }) => body(api.GET("/tenants", { signal })),
});

export function projectsQuery(tenant: string) {
  return queryOptions({
    queryKey: ["projects", tenant],
    queryFn: ({ signal }) =>
      body(api.GET("/tenants/{tenant}/projects", { params: { path: { tenant } }, signal })),
  });
}

export function keysQuery(tenant: string) {
  return queryOptions({
    queryKey: ["keys", tenant],
    queryFn: ({ signal }) => body(api.GET("/tenants/{tenant}/keys", { params: { path: { tenant } }, signal })),
  });
}

export function useStartExport(tenant: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (wanted: Schemas["ExportCreate"]) =>
      body(api.POST("/tenants/{tenant}/exports", { params: { path: { tenant } }, body: wanted })),
    onSuccess: () => client.invalidateQueries({ queryKey: ["exports", tenant] }),
  });
}
