import { useMutation, useQueryClient } from "@tanstack/react-query";

import { api, body, type Schemas } from "@/api";

export function useCreateKey(tenant: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (key: Schemas["VirtualKeyCreate"]) =>
      body(api.POST("/tenants/{tenant}/keys", { params: { path: { tenant } }, body: key })),
    // The plaintext must not outlive the dialog that shows it.
    gcTime: 0,
    onSuccess: () =>
      Promise.all([
        client.invalidateQueries({ queryKey: ["keys", tenant] }),
        client.invalidateQueries({ queryKey: ["projects", tenant] }),
      ]),
  });
}

export function useRevokeKey(tenant: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (keyId: string) =>
      body(api.DELETE("/tenants/{tenant}/keys/{key_id}", { params: { path: { tenant, key_id: keyId } } })),
    onSuccess: () => client.invalidateQueries({ queryKey: ["keys", tenant] }),
  });
}
