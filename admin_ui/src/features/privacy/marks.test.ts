import { describe, expect, it } from "vitest";

import { piecesOf, streamAfter } from "./marks";

describe("findings in a text", () => {
  it("stand where the API says, beyond emoji too", () => {
    const text = "😀 Greta, a@b.c";
    const findings = [
      { start: 2, end: 7, kind: "PERSON" },
      { start: 9, end: 14, kind: "EMAIL" },
    ];
    expect(piecesOf(text, findings).map((piece) => [piece.text, piece.finding?.kind])).toEqual([
      ["😀 ", undefined],
      ["Greta", "PERSON"],
      [", ", undefined],
      ["a@b.c", "EMAIL"],
    ]);
    expect(piecesOf("", [])).toEqual([]);
  });
});

describe("a stream", () => {
  const steps = [
    { received: "Hi [", sent: "Hi " },
    { received: "PER", sent: "" },
    { received: "SON_1]", sent: "" },
    { received: "!", sent: "Greta!" },
  ];

  it("shows what is held back until it is known", () => {
    expect(streamAfter(steps, 3)).toEqual({ passed: "Hi ", held: "[PERSON_1]", sent: "Hi " });
    expect(streamAfter(steps, 4)).toEqual({ passed: "Hi [PERSON_1]!", held: "", sent: "Hi Greta!" });
    expect(streamAfter(steps, 0)).toEqual({ passed: "", held: "", sent: "" });
  });
});
