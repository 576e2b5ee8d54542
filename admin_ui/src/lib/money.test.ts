import { describe, expect, it } from "vitest";

import { isAmount, sum, usd, usedShare, weight } from "./money";

describe("usd", () => {
  it.each([
    ["0", "$0"],
    ["10.50", "$10.50"],
    ["0.000000000000000001", "$0.000000000000000001"],
    ["1234567.891", "$1,234,567.891"],
    ["-1234.5", "−$1,234.5"],
    ["99999999999999999999.999999999999999999", "$99,999,999,999,999,999,999.999999999999999999"],
    ["not a number", "not a number"],
  ])("shows %s as %s", (amount, shown) => {
    expect(usd(amount)).toBe(shown);
  });
});

describe("sum", () => {
  it("is exact where floats are not", () => {
    expect(sum(["0.1", "0.2"])).toBe("0.3");
    expect(sum(["0.000000000000000001", "10000000000000000000"])).toBe(
      "10000000000000000000.000000000000000001",
    );
  });

  it("knows negative amounts, whole ones and none", () => {
    expect(sum(["1.5", "-2"])).toBe("-0.5");
    expect(sum(["2", "3"])).toBe("5");
    expect(sum(["0.50", "0.50"])).toBe("1");
    expect(sum([])).toBe("0");
  });
});

describe("usedShare", () => {
  it("compares, and calls a zero limit used up", () => {
    expect(usedShare("2.5", "10.00")).toBe(0.25);
    expect(usedShare("15", "10")).toBe(1.5);
    expect(usedShare("0", "0")).toBe(1);
  });
});

describe("isAmount and weight", () => {
  it("accept what the API accepts", () => {
    expect(["10", "10.00", "0.000001"].every(isAmount)).toBe(true);
    expect(["", "-1", "1e3", "1,000", ".5", "1."].some(isAmount)).toBe(false);
    expect(weight("2.25")).toBe(2.25);
    expect(weight("NaN")).toBe(0);
  });
});
