import { describe, expect, it } from "vitest";

import { definitionOf, draftOf, mistakes } from "./draft";

const EMPTY = draftOf(undefined, "onprem");

describe("the form of an upstream", () => {
  it("says what it shows and keeps what it does not", () => {
    const draft = { ...EMPTY, name: "eu", urls: " https://a.example/v1 \n", models: "m1\n\nm2", keyVariable: "UPSTREAM_KEY_EU" };
    const definition = definitionOf(draft);
    expect(definition).toMatchObject({
      name: "eu",
      kind: "openai",
      zone: "onprem",
      base_url: "https://a.example/v1",
      workers: [],
      models: ["m1", "m2"],
      api_key_env: "UPSTREAM_KEY_EU",
      retries: 1,
    });
    const changed = definitionOf(draftOf({ ...definition, retries: 4 }, ""), { ...definition, retries: 4 });
    expect(changed).toEqual({ ...definition, retries: 4 });
  });

  it("puts the addresses of a pool where they belong", () => {
    const pool = definitionOf({ ...EMPTY, name: "p", kind: "pool", urls: "http://a:9100\nhttp://b:9100", models: "m" });
    expect(pool).toMatchObject({ base_url: null, workers: ["http://a:9100", "http://b:9100"] });
    expect(draftOf(pool, "").urls).toBe("http://a:9100\nhttp://b:9100");
  });

  it("tells mistakes without asking", () => {
    expect(Object.keys(mistakes(EMPTY)).sort()).toEqual(["models", "name", "urls"]);
    const bad = { ...EMPTY, name: "A", zone: "On Prem", urls: "ftp://x", models: "m", keyVariable: "lower" };
    expect(Object.keys(mistakes(bad)).sort()).toEqual(["keyVariable", "name", "urls", "zone"]);
    expect(mistakes({ ...EMPTY, name: "a", urls: "https://a\nhttps://b", models: "m" }).urls).toContain("pool");
    expect(mistakes({ ...EMPTY, name: "a", urls: "https://a\nhttps://b", models: "m", kind: "pool" })).toEqual({});
  });
});
