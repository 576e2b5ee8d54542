import { describe, expect, it } from "vitest";

import { labelStep, niceTicks, shortLabel, stack } from "./chart";

describe("niceTicks", () => {
  it.each([
    [0, [0, 1]],
    [4, [0, 1, 2, 3, 4]],
    [7, [0, 2, 4, 6, 8]],
    [0.0003, [0, 0.0001, 0.0002, 0.0003]],
    [950, [0, 250, 500, 750, 1000]],
  ])("covers %d", (highest, ticks) => {
    expect(niceTicks(highest)).toEqual(ticks);
  });
});

describe("stack", () => {
  it("puts each value on the last and leaves out the empty ones", () => {
    expect(stack([2, 0, 3])).toEqual([
      { series: 0, start: 0, end: 2 },
      { series: 2, start: 2, end: 5 },
    ]);
  });
});

describe("labels", () => {
  const days = Array.from({ length: 30 }, (_, day) => ({ label: `${day} Nov`, title: "", values: [] }));

  it("are thinned out where there are many, and cut where there are few", () => {
    expect(labelStep(days, 30)).toBe(2);
    expect(labelStep(days, 10)).toBe(6);
    expect(labelStep(days.slice(0, 3), 10)).toBe(1);
    expect(shortLabel("claude-opus-4-7", 60)).toBe("claude-…");
    expect(shortLabel("flash", 60)).toBe("flash");
  });
});
