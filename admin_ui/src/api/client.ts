// The one way to the admin API. Types come from the OpenAPI document; failures of
// every kind arrive as ApiError.
import createClient, { type Middleware } from "openapi-fetch";

import { ApiError, errorOf } from "./errors";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

const CHANGING = new Set(["POST", "PUT", "PATCH", "DELETE"]);

/** The session's CSRF token: it lives in memory only and comes with `/me`. */
export const csrf = { token: "" };

const policy: Middleware = {
  onRequest({ request }) {
    if (CHANGING.has(request.method) && csrf.token !== "") request.headers.set("X-CSRF-Token", csrf.token);
    return request;
  },
  async onResponse({ response }) {
    if (!response.ok) throw await errorOf(response);
  },
  onError({ error }) {
    if (error instanceof ApiError) return error;
    return new ApiError(0, "unreachable", "The gateway does not answer. Check that it runs, then try again.");
  },
};

export const api = createClient<paths>({ baseUrl: "/admin/api/v1", credentials: "same-origin" });
api.use(policy);

/** The body of a call that has succeeded; failures were thrown before. */
export async function body<T>(call: Promise<{ data?: T; response: Response }>): Promise<T> {
  const { data } = await call;
  return data as T;
}
