import type { ReactNode } from "react";

export interface Column<Row> {
  key: string;
  header: string;
  cell: (row: Row) => ReactNode;
  /** `num` aligns right, `fit` takes the least width. */
  kind?: "num" | "fit";
  /** The cell that names the row. */
  head?: boolean;
  foot?: ReactNode;
}

interface DataTableProps<Row> {
  caption: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  rowKey: (row: Row) => string;
  empty: ReactNode;
  /** Rows of many figures, which are read down the columns: no cards. */
  figures?: boolean;
}

/** A table; on a narrow screen a list of cards. */
export function DataTable<Row>({ caption, columns, rows, rowKey, empty, figures = false }: DataTableProps<Row>) {
  if (rows.length === 0) return empty;
  return (
    // What scrolls must be reachable by keyboard, or its right side is not.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className="table-scroll" role="group" aria-label={caption} tabIndex={0}>
      <table className={`table ${figures ? "table--figures" : "table--cards"}`}>
        <caption className="visually-hidden">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.key} scope="col" className={column.kind}>
                {column.header}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={rowKey(row)}>
              {columns.map((column) => (
                <Cell key={column.key} column={column} row={row} />
              ))}
            </tr>
          ))}
        </tbody>
        {columns.some((column) => column.foot !== undefined) && <Foot columns={columns} />}
      </table>
    </div>
  );
}

function Cell<Row>({ column, row }: { column: Column<Row>; row: Row }) {
  if (column.head) {
    return (
      <th scope="row" className={column.kind}>
        <div>{column.cell(row)}</div>
      </th>
    );
  }
  return (
    <td className={column.kind} data-label={column.header}>
      <div>{column.cell(row)}</div>
    </td>
  );
}

function Foot<Row>({ columns }: { columns: readonly Column<Row>[] }) {
  return (
    <tfoot>
      <tr>
        {columns.map((column) =>
          column.head ? (
            <th key={column.key} scope="row" className={column.kind}>
              {column.foot}
            </th>
          ) : (
            <td key={column.key} className={column.kind} data-label={column.header}>
              <div>{column.foot}</div>
            </td>
          ),
        )}
      </tr>
    </tfoot>
  );
}
