import { describe, expect, it } from "vitest";

import { bytes, count, isSlug, percent, sentence, shorten, slugOf } from "./text";

describe("slugs", () => {
  it.each([
    ["Acme GmbH & Co.", "acme-gmbh-co"],
    ["  Zürich, Große Straße ", "zurich-grosse-strasse"],
    ["---", ""],
    ["a".repeat(80), "a".repeat(63)],
  ])("makes of %s the name %s", (text, slug) => {
    expect(slugOf(text)).toBe(slug);
  });

  it("follow the API's rule", () => {
    expect(["a", "acme-2", "a".repeat(63)].every(isSlug)).toBe(true);
    expect(["", "-a", "a-", "Acme", "a_b", "a".repeat(64)].some(isSlug)).toBe(false);
  });
});

describe("figures", () => {
  it("are grouped, scaled and never rounded up to done", () => {
    expect(count(1234567)).toBe("1,234,567");
    expect(bytes(512)).toBe("512 B");
    expect(bytes(1536)).toBe("1.5 KiB");
    expect(bytes(5 * 1024 ** 4)).toBe("5120.0 GiB");
    expect(percent(0)).toBe("0%");
    expect(percent(0.004)).toBe("<1%");
    expect(percent(0.999)).toBe("99%");
    expect(percent(1.5)).toBe("150%");
  });
});

describe("words", () => {
  it("turn codes into sentences and keep both ends of an identifier", () => {
    expect(sentence("upstream_error")).toBe("Upstream error");
    expect(shorten("req_0123456789abcdef")).toBe("req_012345…cdef");
    expect(shorten("key_1")).toBe("key_1");
  });
});
