// Amounts are the API's exact decimal text. Nothing here rounds what is shown;
// `weight` alone goes through a float, for the geometry of bars and meters.

const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?$/;

/** "-1234.5" -> "−$1,234.5": separators are added, digits never change. */
export function usd(amount: string): string {
  const parts = DECIMAL.exec(amount);
  if (parts === null) return amount;
  const [, sign, whole = "", fraction] = parts;
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return `${sign === "-" ? "−" : ""}$${grouped}${fraction === undefined ? "" : `.${fraction}`}`;
}

/** An approximate number for drawing; 0 for text that is no decimal. */
export function weight(amount: string): number {
  return DECIMAL.test(amount) ? Number(amount) : 0;
}

/** Exact sum of decimal texts. */
export function sum(amounts: readonly string[]): string {
  const parsed = amounts.map((amount) => DECIMAL.exec(amount)).filter((parts) => parts !== null);
  const scale = Math.max(0, ...parsed.map((parts) => (parts[3] ?? "").length));
  const total = parsed.reduce((acc, parts) => acc + scaled(parts, scale), 0n);
  return unscaled(total, scale);
}

/** Share of the limit that is used, 0..1 and above; 1 where the limit is zero. */
export function usedShare(used: string, limit: string): number {
  const bound = weight(limit);
  return bound > 0 ? weight(used) / bound : 1;
}

/** What an amount field accepts: a plain decimal, not negative. */
export function isAmount(text: string): boolean {
  return /^\d{1,15}(\.\d{1,18})?$/.test(text);
}

function scaled(parts: RegExpExecArray, scale: number): bigint {
  const [, sign, whole = "0", fraction = ""] = parts;
  const digits = BigInt(whole + fraction.padEnd(scale, "0"));
  return sign === "-" ? -digits : digits;
}

function unscaled(value: bigint, scale: number): string {
  const digits = (value < 0n ? -value : value).toString().padStart(scale + 1, "0");
  const whole = digits.slice(0, digits.length - scale);
  const fraction = digits.slice(digits.length - scale).replace(/0+$/, "");
  return `${value < 0n ? "-" : ""}${whole}${fraction === "" ? "" : `.${fraction}`}`;
}
