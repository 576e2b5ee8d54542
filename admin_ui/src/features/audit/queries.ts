import { queryOptions, useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";

import { api, body, type Schemas } from "@/api";

import { toQuery, type Asked } from "./filters";

export type Integrity = Schemas["AuditIntegrity"];

const PAGE_SIZE = 50;
const POLL_MS = 1000;

export function useRecords(tenant: string, asked: Asked) {
  return useInfiniteQuery({
    queryKey: ["audit", tenant, asked],
    queryFn: ({ pageParam, signal }) => {
      const query = { ...toQuery(asked), limit: PAGE_SIZE, ...(pageParam !== null && { before: pageParam }) };
      return body(api.GET("/tenants/{tenant}/audit", { params: { path: { tenant }, query }, signal }));
    },
    initialPageParam: null as number | null,
    getNextPageParam: ({ next_before }) => next_before,
  });
}

export function recordQuery(tenant: string, seq: number) {
  return queryOptions({
    queryKey: ["audit-record", tenant, seq],
    queryFn: ({ signal }) => {
      const path = { tenant, record_id: String(seq) };
      return body(api.GET("/tenants/{tenant}/audit/records/{record_id}", { params: { path }, signal }));
    },
  });
}

export function requestQuery(requestId: string) {
  return queryOptions({
    queryKey: ["request", requestId],
    queryFn: ({ signal }) =>
      body(api.GET("/requests/{request_id}", { params: { path: { request_id: requestId } }, signal })),
  });
}

/** Asked for again each second while a verification is under way. */
export function integrityQuery(tenant: string) {
  return queryOptions({
    queryKey: ["audit-integrity", tenant],
    queryFn: ({ signal }) => body(api.GET("/tenants/{tenant}/audit/integrity", { params: { path: { tenant } }, signal })),
    refetchInterval: (query) => (isVerifying(query.state.data) ? POLL_MS : false),
  });
}

export function isVerifying(integrity: Integrity | undefined): boolean {
  const status = integrity?.verification?.status;
  return status === "queued" || status === "running";
}

export function useVerify(tenant: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => body(api.POST("/tenants/{tenant}/audit/verify", { params: { path: { tenant } } })),
    onSuccess: () => client.invalidateQueries({ queryKey: integrityQuery(tenant).queryKey }),
  });
}

/** Where the browser fetches the file itself, with its session cookie. */
export function proofUrl(tenant: string, seq: number): string {
  return `/admin/api/v1/tenants/${encodeURIComponent(tenant)}/audit/records/${String(seq)}/proof`;
}
