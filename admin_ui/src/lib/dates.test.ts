import { describe, expect, it } from "vitest";

import { addDays, daysOf, isRange, preset, presetOf, toInterval, utcTime } from "./dates";

const NOW = new Date("2026-03-03T23:30:00Z");

describe("preset", () => {
  it("gives inclusive ranges of days", () => {
    expect(preset("today", NOW)).toEqual({ first: "2026-03-03", last: "2026-03-03" });
    expect(preset("7d", NOW)).toEqual({ first: "2026-02-25", last: "2026-03-03" });
    expect(preset("30d", NOW)).toEqual({ first: "2026-02-02", last: "2026-03-03" });
    expect(preset("month", NOW)).toEqual({ first: "2026-03-01", last: "2026-03-03" });
    expect(preset("previous-month", NOW)).toEqual({ first: "2026-02-01", last: "2026-02-28" });
  });

  it("crosses a year", () => {
    const january = new Date("2026-01-15T00:00:00Z");
    expect(preset("previous-month", january)).toEqual({ first: "2025-12-01", last: "2025-12-31" });
  });

  it("is recognised again, and an own range is none", () => {
    expect(presetOf(preset("7d", NOW), ["today", "7d"], NOW)).toBe("7d");
    expect(presetOf({ first: "2026-01-01", last: "2026-01-02" }, ["today", "7d"], NOW)).toBeUndefined();
  });
});

describe("toInterval", () => {
  it("runs from midnight to the midnight after the last day", () => {
    expect(toInterval({ first: "2026-02-28", last: "2026-02-28" })).toEqual({
      start: "2026-02-28T00:00:00.000Z",
      end: "2026-03-01T00:00:00.000Z",
    });
  });
});

describe("days", () => {
  it("are counted over the end of a month", () => {
    expect(addDays("2024-02-28", 2)).toBe("2024-03-01");
    expect(daysOf({ first: "2026-02-27", last: "2026-03-01" })).toEqual(["2026-02-27", "2026-02-28", "2026-03-01"]);
    expect(daysOf({ first: "2020-01-01", last: "2026-03-01" }, 2)).toEqual(["2026-02-28", "2026-03-01"]);
  });

  it("are checked before they are sent", () => {
    expect(isRange({ first: "2026-01-02", last: "2026-01-02" })).toBe(true);
    expect(isRange({ first: "2026-01-03", last: "2026-01-02" })).toBe(false);
    expect(isRange({ first: "", last: "2026-01-02" })).toBe(false);
  });
});

describe("utcTime", () => {
  it("names the zone", () => {
    expect(utcTime("2026-11-01T10:30:00+01:00")).toBe("2026-11-01 09:30:00 UTC");
    expect(utcTime("never")).toBe("never");
  });
});
