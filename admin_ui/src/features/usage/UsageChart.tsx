import { useState } from "react";

import type { Schemas } from "@/api";
import type { DayRange } from "@/lib/dates";
import { count } from "@/lib/text";
import { BarChart, Panel, Segments } from "@/ui";

import { dayColumns, groupColumns, TOKEN_CLASSES, type Metric } from "./series";

interface UsageChartProps {
  usage: Schemas["Usage"];
  range: DayRange;
  nameOf: (group: string | null) => string;
}

// Of the axis only: the figures in the table are the exact ones.
const COST = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 3 });

const SERIES: Record<Metric, readonly string[]> = {
  cost: ["Cost"],
  requests: ["Requests"],
  tokens: TOKEN_CLASSES.map(([, label]) => label),
};

export function UsageChart({ usage, range, nameOf }: UsageChartProps) {
  const [metric, setMetric] = useState<Metric>("cost");
  const byDay = usage.group_by === "day";
  const columns = byDay ? dayColumns(usage.rows, range, metric) : groupColumns(usage.rows, nameOf, metric);
  if (usage.rows.length === 0) return null;
  return (
    <Panel
      title={`${metric === "cost" ? "Cost" : metric === "tokens" ? "Tokens" : "Requests"} by ${usage.group_by}`}
      actions={
        <Segments
          label="Measure"
          hideLabel
          value={metric}
          options={[
            ["cost", "Cost"],
            ["tokens", "Tokens"],
            ["requests", "Requests"],
          ]}
          onChange={setMetric}
        />
      }
    >
      <BarChart
        label={`Bars of ${metric} by ${usage.group_by}. The figures are in the table below.`}
        columns={columns}
        series={SERIES[metric]}
        format={(value) => (metric === "cost" ? `$${COST.format(value)}` : count(value))}
      />
    </Panel>
  );
}
