// The admin API, typed from its OpenAPI document.
export { api, body, csrf, reason, type Schemas } from "./client";
export { ApiError, isUnauthenticated } from "./errors";
export { keysQuery, projectsQuery, tenantsQuery, useStartExport } from "./queries";
