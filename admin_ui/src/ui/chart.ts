// Geometry of charts; floats are good enough here, no figure that is read comes from it.

export interface Column {
  label: string;
  title: string;
  /** One value for each series. */
  values: readonly number[];
}

export interface Part {
  series: number;
  start: number;
  end: number;
}

/** Values on top of each other; those that are zero are left out. */
export function stack(values: readonly number[]): Part[] {
  let end = 0;
  return values.flatMap((value, series) => {
    const start = end;
    end += value;
    return value > 0 ? [{ series, start, end }] : [];
  });
}

/** Round steps from zero to at least the highest value: 1, 2, 2.5 or 5 times a power of ten. */
export function niceTicks(highest: number, wanted = 4): number[] {
  if (!(highest > 0)) return [0, 1];
  const rough = highest / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => size >= rough * 0.9999) ?? rough;
  const count = Math.ceil(highest / step - 1e-9);
  return Array.from({ length: count + 1 }, (_, index) => Number((index * step).toPrecision(12)));
}

const CHARACTER_PX = 6.6;
const MOST_CHARACTERS = 16;

/** How many columns share one label, so that labels do not touch. */
export function labelStep(columns: readonly Column[], slot: number): number {
  const longest = Math.max(1, ...columns.map(({ label }) => Math.min(label.length, MOST_CHARACTERS)));
  // Few columns are named each, with a shortened name; many (days) only here and there.
  return columns.length <= 12 ? 1 : Math.max(1, Math.ceil(((longest + 2) * CHARACTER_PX) / slot));
}

/** The room that the labels of the vertical axis need. */
export function labelWidth(labels: readonly string[]): number {
  return Math.ceil(Math.max(4, ...labels.map((label) => label.length)) * CHARACTER_PX) + 14;
}

/** A label cut to the room it has. */
export function shortLabel(label: string, room: number): string {
  const fits = Math.max(3, Math.floor(room / CHARACTER_PX) - 1);
  return label.length <= fits ? label : `${label.slice(0, fits - 1)}…`;
}
