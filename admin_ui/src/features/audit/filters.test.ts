import { describe, expect, it } from "vitest";

import { countOfTexts, EVERYTHING, isFiltered, TEXTS, tidy, toQuery } from "./filters";

describe("toQuery", () => {
  it("asks for everything by default", () => {
    expect(toQuery(EVERYTHING)).toEqual({});
    expect(isFiltered(EVERYTHING)).toBe(false);
  });

  it("leaves out what is empty and turns days into instants", () => {
    const asked = { filter: { zone: " eu ", upstream: "  ", kind: "" }, range: { first: "2026-11-01", last: "2026-11-02" } };
    expect(toQuery(asked)).toEqual({ zone: "eu", from: "2026-11-01T00:00:00.000Z", to: "2026-11-03T00:00:00.000Z" });
    expect(isFiltered(asked)).toBe(true);
  });

  it("does not ask for a range that is none", () => {
    expect(toQuery({ filter: {}, range: { first: "2026-11-02", last: "2026-11-01" } })).toEqual({});
  });
});

describe("countOfTexts", () => {
  it("counts the filters behind the fold", () => {
    expect(countOfTexts({ kind: "admin", outcome: "", zone: "eu", actor: " " })).toBe(1);
    expect(countOfTexts(tidy(Object.fromEntries(TEXTS.map(([name]) => [name, "x"]))))).toBe(TEXTS.length);
  });
});
