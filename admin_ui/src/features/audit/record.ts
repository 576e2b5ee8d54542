// Reads the body of an audit record, which the API passes on as it was hashed.
// Fields that are missing (older records, other kinds) are null, never an error.
import type { Schemas } from "@/api";

export type AuditRecord = Schemas["AuditRecord"];

export interface Detector {
  name: string;
  version: string;
  direction: string;
  verdict: string;
  action: string;
  score: string | null;
  category: string | null;
}

export interface RecordView {
  /** completed, blocked, denied, error, disconnected, interrupted; null for admin actions. */
  outcome: string | null;
  /** What happened in an admin action, e.g. "key.create". */
  action: string | null;
  actor: string | null;
  /** How the actor was known: session, cli, config. */
  method: string | null;
  target: string | null;
  reason: string | null;
  /** Digests of the object before and after an admin action. */
  before: string | null;
  after: string | null;
  status: number | null;
  errorCode: string | null;
  tier: string | null;
  routeReason: string | null;
  trend: string | null;
  requestedModel: string | null;
  attempts: number | null;
  upstream: string | null;
  zone: string | null;
  model: string | null;
  masked: readonly (readonly [type: string, count: number])[];
  detectors: readonly Detector[];
  tokens: number | null;
  tokenClasses: readonly (readonly [name: string, count: number])[];
  cost: string | null;
  totalMs: number | null;
  /** Where the time went, in milliseconds, in the order of the stages. */
  latency: readonly (readonly [stage: string, ms: number])[];
  policy: string | null;
  key: string | null;
  project: string | null;
  user: string | null;
  traceId: string | null;
  finishReason: string | null;
  priceVersion: string | null;
  /** The answer was one that the cache had kept. */
  cache: CacheHit | null;
}

export interface CacheHit {
  kind: string;
  /** The request that an upstream answered. */
  request: string;
  model: string;
  similarity: string | null;
}

const STAGES = ["admit", "inspect_input", "route", "journal", "upstream", "inspect_output"] as const;

type Json = Readonly<Record<string, unknown>>;

export function viewOf({ body }: Pick<AuditRecord, "body">): RecordView {
  const route = object(body.route);
  const tokens = object(body.tokens);
  return {
    outcome: text(body.outcome),
    action: text(body.action),
    actor: text(body.actor),
    method: text(body.method),
    target: text(body.target),
    reason: text(body.reason),
    before: text(body.before),
    after: text(body.after),
    status: number(body.status),
    errorCode: text(body.error_code),
    tier: text(route.tier),
    routeReason: text(route.reason),
    trend: text(route.trend),
    requestedModel: text(route.requested_model),
    attempts: number(route.attempts),
    upstream: text(body.upstream),
    zone: text(body.zone),
    model: text(body.model),
    masked: counts(body.masked),
    detectors: detectors(body.detectors),
    tokens: body.tokens == null ? null : counts(tokens).reduce((total, [, value]) => total + value, 0),
    tokenClasses: counts(tokens).filter(([, value]) => value > 0),
    cost: text(body.cost),
    totalMs: milliseconds(object(body.latency).total_us),
    latency: latency(object(body.latency)),
    policy: text(body.policy),
    key: text(body.key_id),
    project: text(body.project),
    user: text(body.user),
    traceId: text(body.trace_id),
    finishReason: text(body.finish_reason),
    priceVersion: text(body.price_version),
    cache: cacheHit(body.cache),
  };
}

function latency(parts: Json): (readonly [string, number])[] {
  return STAGES.flatMap((stage) => {
    const ms = milliseconds(parts[`${stage}_us`]);
    return ms === null ? [] : [[stage, ms] as const];
  });
}

function cacheHit(value: unknown): CacheHit | null {
  const { kind, request_id, model, similarity } = object(value);
  const name = text(kind);
  if (name === null) return null;
  return { kind: name, request: text(request_id) ?? "", model: text(model) ?? "", similarity: text(similarity) };
}

/** The verdicts worth a look: a guard that saw nothing says nothing. */
export function notable(view: RecordView): Detector[] {
  return view.detectors.filter(({ action }) => action !== "allow" && action !== "");
}

function object(value: unknown): Json {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

function text(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

function number(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}

function milliseconds(microseconds: unknown): number | null {
  return typeof microseconds === "number" ? microseconds / 1000 : null;
}

function counts(value: unknown): (readonly [string, number])[] {
  return Object.entries(object(value)).filter((entry): entry is [string, number] => typeof entry[1] === "number");
}

function detectors(value: unknown): Detector[] {
  if (!Array.isArray(value)) return [];
  return value.map((item: unknown) => {
    const { name, version, direction, verdict, action, score, category } = object(item);
    return {
      name: text(name) ?? "",
      version: text(version) ?? "",
      direction: text(direction) ?? "",
      verdict: text(verdict) ?? "",
      action: text(action) ?? "",
      score: text(score),
      category: text(category),
    };
  });
}
