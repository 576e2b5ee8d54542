import { describe, expect, it } from "vitest";

import { notable, viewOf } from "./record";

const REQUEST = {
  outcome: "completed",
  status: 200,
  route: { tier: "flash", reason: "trend chat", trend: "chat", score: "0.1000" },
  upstream: "pool",
  zone: "onprem",
  model: "sov-flash",
  masked: { PERSON: 1, EMAIL_ADDRESS: 2 },
  detectors: [
    { name: "pii", version: "2", direction: "input", verdict: "found", action: "mask", score: null, category: null },
    { name: "moderation", version: "1", direction: "input", verdict: "clean", action: "allow", score: "0.0100" },
  ],
  tokens: { input: 10, cached_input: 1, cache_write: 0, output: 5, reasoning: 0, estimated: false },
  cost: "0.000123",
  latency: { total_us: 1500, admit_us: 200, upstream_us: 1000, later_us: 5 },
  policy: "default",
  key_id: "key_1",
};

describe("viewOf", () => {
  it("reads the record of a request", () => {
    const view = viewOf({ body: REQUEST });
    expect(view).toMatchObject({ outcome: "completed", tier: "flash", upstream: "pool", cost: "0.000123", totalMs: 1.5 });
    expect(view.masked).toEqual([["PERSON", 1], ["EMAIL_ADDRESS", 2]]);
    expect(view.tokens).toBe(16);
    expect(view.tokenClasses).toEqual([["input", 10], ["cached_input", 1], ["output", 5]]);
    expect(view.latency).toEqual([["admit", 0.2], ["upstream", 1]]);
    expect(view).toMatchObject({ policy: "default", key: "key_1", user: null });
    expect(notable(view).map(({ name }) => name)).toEqual(["pii"]);
  });

  it("reads an admin action", () => {
    const view = viewOf({ body: { action: "key.create", actor: "usr_1", target: "key_1", upstream: null } });
    expect(view).toMatchObject({ action: "key.create", actor: "usr_1", outcome: null, tier: null, tokens: null });
  });

  it.each([{}, { route: null, masked: [], detectors: {}, tokens: null }, { detectors: [null, 3], latency: "x" }])(
    "survives %j",
    (body) => {
      expect(viewOf({ body })).toMatchObject({ tier: null, masked: [], tokens: null, totalMs: null });
    },
  );
});
