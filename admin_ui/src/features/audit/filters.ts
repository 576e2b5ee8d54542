// What the page asks the API for: the filters of the form, without those left empty.
import type { Schemas } from "@/api";
import { isRange, toInterval, type DayRange } from "@/lib/dates";

export type RecordFilter = Partial<Record<FilterName, string>>;

export interface Asked {
  filter: RecordFilter;
  /** Days in UTC; null for all time. */
  range: DayRange | null;
}

type FilterName = Exclude<keyof Schemas["AuditFilter"], undefined>;

export const OUTCOMES = ["completed", "blocked", "denied", "error", "disconnected", "interrupted"] as const;

/** The fields of the form that take text, with what to write there. */
export const TEXTS: readonly (readonly [name: FilterName, label: string, placeholder: string])[] = [
  ["request_id", "Request or record id", "req_…"],
  ["actor", "Actor", "usr_…, cli"],
  ["action", "Action", "key.create, mask, block"],
  ["target", "Target", "key_…"],
  ["upstream", "Upstream", "pool"],
  ["zone", "Zone", "onprem"],
  ["model", "Model", "sov-flash"],
  ["tier", "Tier", "flash"],
  ["key_id", "Key", "key_…"],
  ["user", "End user (pseudonym)", ""],
  ["verdict", "Guard's verdict", "found"],
  ["error_code", "Error code", "budget_exceeded"],
];

export const EVERYTHING: Asked = { filter: {}, range: null };

/** Trimmed, and without what is empty. */
export function tidy(filter: RecordFilter): RecordFilter {
  const entries = Object.entries(filter).map(([name, value]) => [name, value.trim()] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== ""));
}

/** The query of a page of records. */
export function toQuery({ filter, range }: Asked): RecordFilter & { from?: string; to?: string } {
  if (range === null || !isRange(range)) return tidy(filter);
  const { start, end } = toInterval(range);
  return { ...tidy(filter), from: start, to: end };
}

export function isFiltered({ filter }: Asked): boolean {
  return Object.keys(tidy(filter)).length > 0;
}

/** How many of the filters behind "More filters" are in use. */
export function countOfTexts(filter: RecordFilter): number {
  const used = tidy(filter);
  return TEXTS.filter(([name]) => used[name] !== undefined).length;
}
