import type { Schemas } from "@/api";
import { count } from "@/lib/text";
import { Amount, DataTable, Empty, type Column } from "@/ui";

import { TOKEN_CLASSES, type UsageRow } from "./series";

interface UsageTableProps {
  usage: Schemas["Usage"];
  nameOf: (group: string | null) => string;
  header: string;
}

export function UsageTable({ usage, nameOf, header }: UsageTableProps) {
  const { total } = usage;
  const columns: readonly Column<UsageRow>[] = [
    { key: "group", header, head: true, cell: ({ group }) => nameOf(group), foot: "Total" },
    { key: "requests", header: "Requests", kind: "num", cell: (row) => count(row.requests ?? 0), foot: count(total.requests) },
    ...TOKEN_CLASSES.map(
      ([name, label]): Column<UsageRow> => ({
        key: name,
        header: label,
        kind: "num",
        cell: (row) => count(row[name]),
        foot: count(total[name]),
      }),
    ),
    {
      key: "worker",
      header: "Worker s",
      kind: "num",
      cell: (row) => row.worker_seconds,
      foot: total.worker_seconds,
    },
    {
      key: "cost",
      header: "Cost",
      kind: "num",
      cell: ({ cost_usd }) => <Amount value={cost_usd} />,
      foot: <Amount value={total.cost_usd} />,
    },
  ];
  return (
    <DataTable
      caption={`Usage by ${usage.group_by}`}
      columns={columns}
      figures
      rows={usage.rows}
      rowKey={({ group }) => group ?? ""}
      empty={<Empty title="No usage in this range">Choose other dates, or send a request with a key of this tenant.</Empty>}
    />
  );
}
