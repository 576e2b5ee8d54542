// From rows of the usage report to what the chart draws. Exact figures stay text.
import type { Schemas } from "@/api";
import { daysOf, shortDay, type DayRange } from "@/lib/dates";
import { usd, weight } from "@/lib/money";
import { count } from "@/lib/text";

export type UsageRow = Schemas["UsageRow"];
export type Metric = "cost" | "tokens" | "requests";

export const TOKEN_CLASSES = [
  ["input_tokens", "Input"],
  ["cached_input_tokens", "Cached input"],
  ["cache_write_tokens", "Cache write"],
  ["output_tokens", "Output"],
  ["reasoning_tokens", "Reasoning"],
  ["guard_tokens", "Guards"],
  ["embedding_tokens", "Embeddings"],
] as const;

export interface Column {
  label: string;
  title: string;
  values: readonly number[];
}

export function tokensOf(row: Pick<UsageRow, (typeof TOKEN_CLASSES)[number][0]>): number {
  return TOKEN_CLASSES.reduce((total, [name]) => total + row[name], 0);
}

function values(row: UsageRow, metric: Metric): number[] {
  if (metric === "cost") return [weight(row.cost_usd)];
  if (metric === "requests") return [row.requests ?? 0];
  return TOKEN_CLASSES.map(([name]) => row[name]);
}

function title(row: UsageRow): string {
  return `${count(row.requests ?? 0)} requests, ${count(tokensOf(row))} tokens, ${usd(row.cost_usd)}`;
}

/** One column for each day of the range, also for days without a row. */
export function dayColumns(rows: readonly UsageRow[], range: DayRange, metric: Metric): Column[] {
  const byDay = new Map(rows.map((row) => [row.group, row]));
  const nothing = metric === "tokens" ? TOKEN_CLASSES.map(() => 0) : [0];
  return daysOf(range).map((day) => {
    const row = byDay.get(day);
    return {
      label: shortDay(day),
      title: row === undefined ? "nothing" : title(row),
      values: row === undefined ? nothing : values(row, metric),
    };
  });
}

/** One column for each group, the largest first. */
export function groupColumns(
  rows: readonly UsageRow[],
  nameOf: (group: string | null) => string,
  metric: Metric,
  most = 12,
): Column[] {
  const total = (row: UsageRow) => values(row, metric).reduce((sum, value) => sum + value, 0);
  return [...rows]
    .sort((a, b) => total(b) - total(a))
    .slice(0, most)
    .map((row) => ({ label: nameOf(row.group), title: title(row), values: values(row, metric) }));
}
