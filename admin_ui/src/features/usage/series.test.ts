import { describe, expect, it } from "vitest";

import { dayColumns, groupColumns, tokensOf, type UsageRow } from "./series";

function row(group: string | null, requests: number, cost: string, output = 0): UsageRow {
  return {
    group,
    then: null,
    requests,
    estimated_requests: 0,
    cut_requests: 0,
    unpriced_requests: 0,
    input_tokens: 10,
    cached_input_tokens: 5,
    cache_write_tokens: 0,
    output_tokens: output,
    reasoning_tokens: 1,
    guard_tokens: 0,
    embedding_tokens: 0,
    surcharge_usd: "0",
    worker_seconds: "0",
    cost_usd: cost,
  };
}

describe("dayColumns", () => {
  const range = { first: "2026-03-01", last: "2026-03-03" };

  it("has a column for days without traffic too", () => {
    const columns = dayColumns([row("2026-03-02", 4, "0.5")], range, "cost");
    expect(columns.map(({ values }) => values)).toEqual([[0], [0.5], [0]]);
    expect(columns[1]?.title).toBe("4 requests, 16 tokens, $0.5");
  });

  it("stacks the classes of tokens", () => {
    const columns = dayColumns([row("2026-03-03", 1, "0", 7)], range, "tokens");
    expect(columns.map(({ values }) => values)).toEqual([
      [0, 0, 0, 0, 0, 0, 0],
      [0, 0, 0, 0, 0, 0, 0],
      [10, 5, 0, 7, 1, 0, 0],
    ]);
  });
});

describe("groupColumns", () => {
  it("puts the largest first and names the missing group", () => {
    const rows = [row("flash", 1, "2"), row(null, 9, "1"), row("pro", 5, "3")];
    const name = (group: string | null) => group ?? "none";
    expect(groupColumns(rows, name, "cost").map(({ label }) => label)).toEqual(["pro", "flash", "none"]);
    expect(groupColumns(rows, name, "requests", 2).map(({ label }) => label)).toEqual(["none", "pro"]);
  });
});

describe("tokensOf", () => {
  it("adds the disjoint classes", () => {
    expect(tokensOf(row("a", 1, "0", 4))).toBe(20);
  });
});
