// Ranges are days in UTC, as budgets, prices and invoices count them;
// instants are shown in the reader's own zone.

export interface DayRange {
  /** First day, "YYYY-MM-DD". */
  readonly first: string;
  /** Last day, inclusive. */
  readonly last: string;
}

export type Preset = "today" | "7d" | "30d" | "month" | "previous-month";

export function dayOf(date: Date): string {
  return date.toISOString().slice(0, 10);
}

/** The midnight (UTC) at which a day starts. */
export function startOf(day: string): Date {
  return new Date(`${day}T00:00:00Z`);
}

export function addDays(day: string, count: number): string {
  const date = startOf(day);
  date.setUTCDate(date.getUTCDate() + count);
  return dayOf(date);
}

export function preset(name: Preset, now: Date): DayRange {
  const today = dayOf(now);
  const firstOfMonth = `${today.slice(0, 8)}01`;
  switch (name) {
    case "today":
      return { first: today, last: today };
    case "7d":
      return { first: addDays(today, -6), last: today };
    case "30d":
      return { first: addDays(today, -29), last: today };
    case "month":
      return { first: firstOfMonth, last: today };
    case "previous-month": {
      const last = addDays(firstOfMonth, -1);
      return { first: `${last.slice(0, 8)}01`, last };
    }
  }
}

/** The preset that a range equals, if it is one. */
export function presetOf(range: DayRange, names: readonly Preset[], now: Date): Preset | undefined {
  return names.find((name) => {
    const candidate = preset(name, now);
    return candidate.first === range.first && candidate.last === range.last;
  });
}

/** Half-open interval [start, end) of instants that a range of days covers. */
export function toInterval(range: DayRange): { start: string; end: string } {
  return { start: startOf(range.first).toISOString(), end: startOf(addDays(range.last, 1)).toISOString() };
}

export function isRange(range: DayRange): boolean {
  const day = /^\d{4}-\d{2}-\d{2}$/;
  return day.test(range.first) && day.test(range.last) && range.first <= range.last;
}

/** Every day of a range, at most `most` of them, the latest. */
export function daysOf(range: DayRange, most = 400): string[] {
  const days: string[] = [];
  for (let day = range.last; day >= range.first && days.length < most; day = addDays(day, -1)) days.push(day);
  return days.reverse();
}

const PRECISE = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const SHORT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", timeZone: "UTC" });

export function localTime(iso: string, precise = false): string {
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? iso : (precise ? PRECISE : SHORT).format(date);
}

/** "3 Mar" in the reader's language; the day itself does not shift with the zone. */
export function shortDay(day: string): string {
  const date = startOf(day);
  return Number.isNaN(date.getTime()) ? day : DAY.format(date);
}

/** "2026-11-01 09:30:00 UTC", for tooltips. */
export function utcTime(iso: string): string {
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? iso : `${date.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}
