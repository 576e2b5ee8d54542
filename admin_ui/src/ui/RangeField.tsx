import { isRange, preset, presetOf, type DayRange, type Preset } from "@/lib/dates";

import { SelectField, TextField } from "./Field";

const PRESETS: readonly (readonly [Preset, string])[] = [
  ["today", "Today"],
  ["7d", "Last 7 days"],
  ["30d", "Last 30 days"],
  ["month", "This month"],
  ["previous-month", "Last month"],
];
const NAMES = PRESETS.map(([name]) => name);

/** A range of UTC days: a usual one, or any two dates. */
export function RangeField({ value, onChange }: { value: DayRange; onChange: (range: DayRange) => void }) {
  const now = new Date();
  const error = isRange(value) ? undefined : "The first day must not be after the last.";
  return (
    <>
      <SelectField
        label="Range"
        value={presetOf(value, NAMES, now) ?? "own"}
        options={[...PRESETS, ["own", "Own dates"]]}
        onChange={(name) => {
          const known = NAMES.find((candidate) => candidate === name);
          if (known !== undefined) onChange(preset(known, now));
        }}
      />
      <TextField
        label="From (UTC)"
        type="date"
        required
        value={value.first}
        error={error}
        onChange={(event) => onChange({ ...value, first: event.target.value })}
      />
      <TextField
        label="To (UTC, inclusive)"
        type="date"
        required
        value={value.last}
        onChange={(event) => onChange({ ...value, last: event.target.value })}
      />
    </>
  );
}
