import { describe, expect, it } from "vitest";

import { definitionOf, draftOf, EMPTY_PATTERN, fieldOf, mistakes, type Draft } from "./draft";
import type { Definition } from "./queries";

const BADGE: Definition = {
  name: "badge",
  entity: "BADGE_ID",
  languages: ["de"],
  patterns: [{ name: "number", regex: "AC-(\\d+)", score: 0.7, flags: ["dot_all", "ignore_case"], group: 1 }],
  deny_list: { values: ["Nightfall", "Ünal & Söhne"], score: 0.9, ignore_case: false, whole_words: true },
  context: { words: ["badge", "Ausweis"], required: true, boost: 0.2, before: 20, after: 10 },
  allow_list: { values: ["AC-0"], patterns: [".+@acme"], ignore_case: true },
};

function with_(changes: Partial<Draft>): Draft {
  return { ...draftOf(), name: "badge", entity: "BADGE_ID", patterns: [{ ...EMPTY_PATTERN, regex: "AC" }], ...changes };
}

describe("a recognizer's form", () => {
  it("gives back what it was made of, also what it does not show", () => {
    expect(definitionOf(draftOf(BADGE), BADGE)).toEqual({
      ...BADGE,
      patterns: [{ ...BADGE.patterns[0], flags: ["dot_all", "ignore_case"] }],
    });
  });

  it("reads lists by line and words by comma, without blanks", () => {
    const made = definitionOf(with_({ denied: " Ann \n\nJo Ann\n", words: "id, ,badge " }));
    expect(made.deny_list?.values).toEqual(["Ann", "Jo Ann"]);
    expect(made.context?.words).toEqual(["id", "badge"]);
    expect(made.allow_list).toBeNull();
  });

  it("knows what cannot be right before it asks", () => {
    expect(mistakes(with_({}))).toEqual({});
    expect(Object.keys(mistakes(with_({ name: "Badge", entity: "badge" })))).toEqual(["name", "entity"]);
    expect(Object.keys(mistakes(with_({ patterns: [EMPTY_PATTERN, { ...EMPTY_PATTERN, regex: "a", score: "2" }] })))).toEqual([
      "patterns.0.regex",
      "patterns.1.score",
    ]);
    expect(Object.keys(mistakes(with_({ patterns: [] })))).toEqual([""]);
    expect(mistakes(with_({ patterns: [], entity: "", allowed: "help@acme.example" }))).toEqual({});
  });

  it("finds the field that the API names", () => {
    expect(fieldOf("definition.patterns.0.regex")).toBe("patterns.0.regex");
    expect(fieldOf("definition.allow_list.patterns.3")).toBe("allow_list.patterns");
    expect(fieldOf("definition.deny_list.values")).toBe("deny_list.values");
    expect(fieldOf(null)).toBe("");
  });
});
