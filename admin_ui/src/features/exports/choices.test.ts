import { describe, expect, it } from "vitest";

import { formatFor, isUnderWay, kindsFor } from "./choices";

describe("choices", () => {
  it("offer what the role may take away", () => {
    expect(kindsFor((permission) => permission === "exports.finance")).toEqual(["billing", "focus", "reconciliation", "usage"]);
    expect(kindsFor((permission) => permission === "exports.audit")).toEqual(["audit", "evidence"]);
    expect(kindsFor(() => false)).toEqual([]);
  });

  it("keep the format where the report has it", () => {
    expect(formatFor("billing", "parquet")).toBe("parquet");
    expect(formatFor("billing", "jsonl")).toBe("csv");
    expect(formatFor("audit", "xlsx")).toBe("jsonl");
  });

  it("know when to stop asking", () => {
    expect(isUnderWay({ status: "queued" })).toBe(true);
    expect(isUnderWay({ status: "running" })).toBe(true);
    expect(isUnderWay({ status: "done" })).toBe(false);
    expect(isUnderWay({ status: "failed" })).toBe(false);
  });
});
