/** A call that did not succeed: the API's own code and sentence. */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    /** HTTP status; 0 where no answer came. */
    readonly status: number,
    readonly code: string,
    message: string,
    /** The field concerned. */
    readonly param: string | null = null,
  ) {
    super(message);
  }
}

/** Whether the session has ended; a wrong password is a 401 too, but ends nothing. */
export function isUnauthenticated(error: unknown): boolean {
  return error instanceof ApiError && error.status === 401 && error.code !== "login_failed";
}

/** Reads `{"error": {code, message, param}}`; anything else (a proxy's page) gets a plain sentence. */
export async function errorOf(response: Response): Promise<ApiError> {
  const text = await response.text();
  const detail = detailOf(text);
  if (detail === undefined) {
    return new ApiError(response.status, "unexpected_answer", `The gateway answered with status ${response.status}. Try again.`);
  }
  return new ApiError(response.status, detail.code, detail.message, detail.param);
}

function detailOf(text: string): { code: string; message: string; param: string | null } | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    const error = member(parsed, "error");
    const [code, message, param] = ["code", "message", "param"].map((name) => member(error, name));
    if (typeof code !== "string" || typeof message !== "string") return undefined;
    return { code, message, param: typeof param === "string" ? param : null };
  } catch {
    return undefined;
  }
}

function member(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
