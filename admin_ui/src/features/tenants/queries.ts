import { queryOptions, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { api, body, tenantsQuery, type Schemas } from "@/api";
import { useSession } from "@/session";

export function tenantQuery(tenant: string) {
  return queryOptions({
    queryKey: ["tenant", tenant],
    queryFn: ({ signal }) => body(api.GET("/tenants/{tenant}", { params: { path: { tenant } }, signal })),
  });
}

export function budgetsQuery(tenant: string) {
  return queryOptions({
    queryKey: ["budgets", tenant],
    queryFn: ({ signal }) => body(api.GET("/tenants/{tenant}/budgets", { params: { path: { tenant } }, signal })),
  });
}

export function useCreateTenant() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (tenant: Schemas["TenantCreate"]) => body(api.POST("/tenants", { body: tenant })),
    onSuccess: () => client.invalidateQueries({ queryKey: tenantsQuery.queryKey }),
  });
}

export function useUpdateTenant(tenant: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (change: Schemas["TenantUpdate"]) =>
      body(api.PATCH("/tenants/{tenant}", { params: { path: { tenant } }, body: change })),
    onSuccess: (updated) => {
      client.setQueryData(tenantQuery(tenant).queryKey, updated);
      return client.invalidateQueries({ queryKey: tenantsQuery.queryKey });
    },
  });
}

export function useCreateProject(tenant: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (project: Schemas["ProjectCreate"]) =>
      body(api.POST("/tenants/{tenant}/projects", { params: { path: { tenant } }, body: project })),
    onSuccess: () => client.invalidateQueries({ queryKey: ["projects", tenant] }),
  });
}

export type BudgetChange =
  | { kind: "create"; budget: Schemas["BudgetCreate"] }
  | { kind: "update"; id: string; change: Schemas["BudgetUpdate"] }
  | { kind: "delete"; id: string };

export function useChangeBudget(tenant: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (change: BudgetChange) => send(tenant, change),
    onSuccess: () => client.invalidateQueries({ queryKey: budgetsQuery(tenant).queryKey }),
  });
}

async function send(tenant: string, change: BudgetChange): Promise<void> {
  switch (change.kind) {
    case "create":
      await api.POST("/tenants/{tenant}/budgets", { params: { path: { tenant } }, body: change.budget });
      return;
    case "update": {
      const path = { tenant, budget_id: change.id };
      await api.PATCH("/tenants/{tenant}/budgets/{budget_id}", { params: { path }, body: change.change });
      return;
    }
    case "delete": {
      const path = { tenant, budget_id: change.id };
      await api.DELETE("/tenants/{tenant}/budgets/{budget_id}", { params: { path } });
    }
  }
}

/** The names of the policies there are; only whoever may see the system knows them. */
export function usePolicyNames(present: string): string[] {
  const { can } = useSession();
  const system = useQuery({
    queryKey: ["system"],
    queryFn: ({ signal }) => body(api.GET("/system", { signal })),
    enabled: can("system.read", null),
  });
  const names = system.data?.policies.map(({ name }) => name) ?? [];
  return names.includes(present) ? names : [present, ...names];
}
