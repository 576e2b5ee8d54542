import { labelStep, labelWidth, niceTicks, shortLabel, stack, type Column } from "./chart";
import { useWidth } from "./useWidth";

interface BarChartProps {
  /** What is drawn, for screen readers; the same figures stand in a table beside it. */
  label: string;
  columns: readonly Column[];
  series: readonly string[];
  format: (value: number) => string;
}

const HEIGHT = 220;
const BOTTOM = 24;
const TOP = 10;
const WIDEST_BAR = 46;

/** Stacked bars in plain SVG, drawn anew at whatever width there is. */
export function BarChart({ label, columns, series, format }: BarChartProps) {
  const [ref, width] = useWidth<HTMLElement>(960);
  const stacks = columns.map((column) => stack(column.values));
  const ticks = niceTicks(Math.max(0, ...stacks.map((parts) => parts.at(-1)?.end ?? 0)));
  const top = ticks.at(-1) ?? 1;
  const left = labelWidth(ticks.map(format));
  const y = (value: number) => HEIGHT - BOTTOM - (value / top) * (HEIGHT - BOTTOM - TOP);
  const slot = (width - left) / Math.max(columns.length, 1);
  const bar = Math.min(WIDEST_BAR, slot * 0.68);
  const step = labelStep(columns, slot);
  return (
    <figure className="chart" ref={ref}>
      <svg viewBox={`0 0 ${width} ${HEIGHT}`} role="img" aria-label={label}>
        {ticks.map((tick) => (
          <g key={tick}>
            <line className="chart__grid" x1={left} x2={width} y1={y(tick)} y2={y(tick)} />
            <text className="chart__axis" x={left - 8} y={y(tick) + 4} textAnchor="end">
              {format(tick)}
            </text>
          </g>
        ))}
        {columns.map((column, index) => (
          <g key={column.label} className="chart__column">
            <title>{`${column.label}: ${column.title}`}</title>
            <rect className="chart__hit" x={left + index * slot} y={TOP} width={slot} height={HEIGHT - BOTTOM - TOP} />
            {(stacks[index] ?? []).map((part) => (
              <rect
                key={part.series}
                className={`chart__bar series-${(part.series % 8) + 1}`}
                x={left + index * slot + (slot - bar) / 2}
                y={y(part.end)}
                width={bar}
                height={Math.max(0, y(part.start) - y(part.end))}
                rx={Math.min(2, bar / 4)}
              />
            ))}
            {index % step === 0 && (
              <text className="chart__axis" x={left + (index + 0.5) * slot} y={HEIGHT - 6} textAnchor="middle">
                {shortLabel(column.label, slot * step)}
              </text>
            )}
          </g>
        ))}
      </svg>
      {series.length > 1 && (
        <ul className="legend">
          {series.map((name, index) => (
            <li key={name}>
              <i className={`series-${(index % 8) + 1}`} aria-hidden="true" />
              {name}
            </li>
          ))}
        </ul>
      )}
    </figure>
  );
}
