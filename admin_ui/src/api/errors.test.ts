import { describe, expect, it } from "vitest";

import { errorOf, isUnauthenticated } from "./errors";

describe("errorOf", () => {
  it("takes the API's own code, sentence and field", async () => {
    const answer = { error: { code: "invalid_request", message: "The name is taken.", param: "name" } };
    const error = await errorOf(Response.json(answer, { status: 409 }));
    expect(error).toMatchObject({ status: 409, code: "invalid_request", message: "The name is taken.", param: "name" });
    expect(isUnauthenticated(error)).toBe(false);
  });

  it.each(["<html>Bad gateway</html>", "", "{}", '{"error": "text"}', "null"])("survives %s", async (text) => {
    const error = await errorOf(new Response(text, { status: 502 }));
    expect(error).toMatchObject({ status: 502, code: "unexpected_answer", param: null });
    expect(error.message).toContain("502");
  });

  it("knows a session that has ended", async () => {
    expect(isUnauthenticated(await errorOf(new Response("", { status: 401 })))).toBe(true);
    expect(isUnauthenticated(new Error("other"))).toBe(false);
    const wrong = { error: { code: "login_failed", message: "The address or the password is wrong." } };
    expect(isUnauthenticated(await errorOf(Response.json(wrong, { status: 401 })))).toBe(false);
  });
});
