// Who is signed in. The session itself is an HttpOnly cookie that no script can read.
import { queryOptions, useMutation, useQuery, useQueryClient, type QueryClient } from "@tanstack/react-query";

import { api, body, csrf, isUnauthenticated, type Schemas } from "@/api";

import { can, canSomewhere, type Me, type Permission } from "./permissions";

async function readMe(signal: AbortSignal): Promise<Me | null> {
  try {
    const me = await body(api.GET("/me", { signal }));
    csrf.token = me.csrf_token;
    return me;
  } catch (error) {
    if (isUnauthenticated(error)) return null;
    throw error;
  }
}

/** The account, or null where nobody is signed in. */
export const meQuery = queryOptions({
  queryKey: ["me"],
  queryFn: ({ signal }) => readMe(signal),
  staleTime: 5 * 60 * 1000,
});

/** Back to the sign-in; nothing that the account has read stays for the next one. */
export function endSession(client: QueryClient): void {
  csrf.token = "";
  client.setQueryData<Me | null>(meQuery.queryKey, null);
  client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== meQuery.queryKey[0] });
}

export function useLogin() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (login: Schemas["LoginRequest"]) => body(api.POST("/login", { body: login })),
    onSuccess: ({ token, ...me }) => {
      // The bearer token of the answer is for scripts: no page needs it.
      csrf.token = me.csrf_token;
      client.setQueryData<Me | null>(meQuery.queryKey, me);
    },
  });
}

export function useLogout() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => body(api.POST("/logout")),
    onSettled: () => endSession(client),
  });
}

export interface Session {
  me: Me;
  /** On one tenant, or on the deployment where the tenant is null. */
  can: (permission: Permission, tenant: string | null) => boolean;
  canSomewhere: (permission: Permission) => boolean;
}

/** The session of everything inside the shell, where somebody is signed in. */
export function useSession(): Session {
  const { data: me } = useQuery(meQuery);
  if (!me) throw new Error("useSession is for pages behind the sign-in.");
  return {
    me,
    can: (permission, tenant) => can(me.abilities, permission, tenant),
    canSomewhere: (permission) => canSomewhere(me.abilities, permission),
  };
}
