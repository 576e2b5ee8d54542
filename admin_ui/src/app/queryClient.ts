import { MutationCache, QueryCache, QueryClient } from "@tanstack/react-query";

import { ApiError, isUnauthenticated } from "@/api";
import { endSession } from "@/session";

/** Whether trying again can help: the gateway was away or overloaded, not "you may not". */
function retryable(failures: number, error: Error): boolean {
  return failures < 2 && error instanceof ApiError && (error.status === 0 || error.status >= 500);
}

/** A client whose every failed call notices that the session has ended. */
export function createQueryClient(): QueryClient {
  const noticeSignOut = (error: Error) => {
    if (isUnauthenticated(error)) endSession(client);
  };
  const client: QueryClient = new QueryClient({
    queryCache: new QueryCache({ onError: noticeSignOut }),
    mutationCache: new MutationCache({ onError: noticeSignOut }),
    defaultOptions: { queries: { retry: retryable, staleTime: 5_000 } },
  });
  return client;
}
