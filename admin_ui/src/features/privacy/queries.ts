import { keepPreviousData, queryOptions, skipToken, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { api, body, type Schemas } from "@/api";
import { useSession } from "@/session";

export type Definition = Schemas["RecognizerSpec"];
export type Summary = Schemas["RecognizerSummary"];

export function recognizersQuery(tenant: string) {
  return queryOptions({
    queryKey: ["recognizers", tenant],
    queryFn: ({ signal }) =>
      body(api.GET("/tenants/{tenant}/recognizers", { params: { path: { tenant } }, signal })),
  });
}

/** One with all its values, which are personal data: forgotten when nobody looks at it. */
export function recognizerQuery(tenant: string, id: string) {
  const path = { tenant, recognizer_id: id };
  return queryOptions({
    queryKey: ["recognizer", tenant, id],
    queryFn: ({ signal }) =>
      body(api.GET("/tenants/{tenant}/recognizers/{recognizer_id}", { params: { path }, signal })),
    gcTime: 0,
    staleTime: 0,
  });
}

/** What is wrong with a definition; asked while it is written, not where it cannot be right yet. */
export function useProblems(tenant: string, definition: Definition | undefined) {
  return useQuery({
    queryKey: ["recognizer-check", tenant, definition],
    queryFn:
      definition === undefined
        ? skipToken
        : ({ signal }) =>
            body(
              api.POST("/tenants/{tenant}/recognizers/check", {
                params: { path: { tenant } },
                body: { definition },
                signal,
              }),
            ),
    placeholderData: keepPreviousData,
    gcTime: 0,
  });
}

export type RecognizerChange =
  | { kind: "create"; definition: Definition }
  | { kind: "update"; id: string; version: number; definition: Definition }
  | { kind: "delete"; id: string; version: number };

export function useChangeRecognizer(tenant: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (change: RecognizerChange) => send(tenant, change),
    gcTime: 0,
    onSuccess: () => client.invalidateQueries({ queryKey: recognizersQuery(tenant).queryKey }),
  });
}

async function send(tenant: string, change: RecognizerChange): Promise<void> {
  switch (change.kind) {
    case "create": {
      const { definition } = change;
      await api.POST("/tenants/{tenant}/recognizers", { params: { path: { tenant } }, body: { definition } });
      return;
    }
    case "update": {
      const { id, version, definition } = change;
      const path = { tenant, recognizer_id: id };
      await api.PUT("/tenants/{tenant}/recognizers/{recognizer_id}", {
        params: { path },
        body: { version, definition },
      });
      return;
    }
    case "delete": {
      const path = { tenant, recognizer_id: change.id };
      const query = { version: change.version };
      await api.DELETE("/tenants/{tenant}/recognizers/{recognizer_id}", { params: { path, query } });
    }
  }
}

export function useExplain(tenant: string) {
  return useMutation({
    mutationFn: (asked: Schemas["ExplainRequest"]) =>
      body(api.POST("/tenants/{tenant}/explain", { params: { path: { tenant } }, body: asked })),
    gcTime: 0,
  });
}

/** The names of the policies there are; only whoever may see the system knows them. */
export function usePolicyNames(): string[] {
  const { can } = useSession();
  const system = useQuery({
    queryKey: ["system"],
    queryFn: ({ signal }) => body(api.GET("/system", { signal })),
    enabled: can("system.read", null),
  });
  return system.data?.policies.map(({ name }) => name) ?? [];
}
