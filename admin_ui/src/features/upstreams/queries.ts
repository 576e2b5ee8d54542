import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";

import { api, body, type Schemas } from "@/api";

export type Upstream = Schemas["Upstream"];
export type Definition = Schemas["UpstreamSpec"];

export const upstreamsQuery = queryOptions({
  queryKey: ["upstreams"],
  queryFn: ({ signal }) => body(api.GET("/upstreams", { signal })),
  refetchInterval: 15_000,
});

export type UpstreamChange =
  | { kind: "create"; definition: Definition }
  | { kind: "update"; version: number; definition: Definition }
  | { kind: "delete"; name: string; version: number };

export function useChangeUpstream() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: send,
    onSuccess: () =>
      Promise.all([
        client.invalidateQueries({ queryKey: upstreamsQuery.queryKey }),
        client.invalidateQueries({ queryKey: ["system"] }),
      ]),
  });
}

async function send(change: UpstreamChange): Promise<void> {
  switch (change.kind) {
    case "create":
      await api.POST("/upstreams", { body: { definition: change.definition } });
      return;
    case "update": {
      const { version, definition } = change;
      await api.PUT("/upstreams/{name}", { params: { path: { name: definition.name } }, body: { version, definition } });
      return;
    }
    case "delete": {
      const { name, version } = change;
      await api.DELETE("/upstreams/{name}", { params: { path: { name }, query: { version } } });
    }
  }
}

/** Whether a definition answers, before it is stored. */
export function useTestUpstream() {
  return useMutation({
    mutationFn: (definition: Definition) => body(api.POST("/upstreams/test", { body: { definition } })),
  });
}
