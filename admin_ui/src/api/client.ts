// The one way to the admin API. Types come from the OpenAPI document; failures of
// every kind arrive as ApiError.
import createClient, { type Middleware } from "openapi-fetch";

import { ApiError, errorOf } from "./errors";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

const CHANGING = new Set(["POST", "PUT", "PATCH", "DELETE"]);

/** The session's CSRF token: it lives in memory only and comes with `/me`. */
export const csrf = { token: "" };

/** Asks why, where the deployment demands a reason for each change; null: rather not. */
export const reason: { ask: () => Promise<string | null> } = { ask: () => Promise.resolve(null) };

/** Changes under way, whole, in case that they are sent again with a reason. */
const changes = new Map<string, Request>();

const policy: Middleware = {
  onRequest({ request, id }) {
    if (!CHANGING.has(request.method)) return request;
    if (csrf.token !== "") request.headers.set("X-CSRF-Token", csrf.token);
    changes.set(id, request.clone());
    return request;
  },
  async onResponse({ response, id, options }) {
    const change = changes.get(id);
    changes.delete(id);
    if (response.ok) return undefined;
    const error = await errorOf(response);
    if (error.code !== "reason_required" || change === undefined) throw error;
    return withReason(change, error, options.fetch);
  },
  onError({ error, id }) {
    changes.delete(id);
    if (error instanceof ApiError) return error;
    return new ApiError(0, "unreachable", "The gateway does not answer. Check that it runs, then try again.");
  },
};

async function withReason(change: Request, refusal: ApiError, send: typeof globalThis.fetch): Promise<Response> {
  const text = await reason.ask();
  if (text === null) throw refusal;
  change.headers.set("X-Sovgate-Reason", encodeURIComponent(text));
  const response = await send(change);
  if (!response.ok) throw await errorOf(response);
  return response;
}

export const api = createClient<paths>({ baseUrl: "/admin/api/v1", credentials: "same-origin" });
api.use(policy);

/** The body of a call that has succeeded; failures were thrown before. */
export async function body<T>(call: Promise<{ data?: T; response: Response }>): Promise<T> {
  const { data } = await call;
  return data as T;
}
