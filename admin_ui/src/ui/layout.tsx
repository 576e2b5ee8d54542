import { useId, type ReactNode } from "react";

interface PanelProps {
  title?: string;
  note?: ReactNode;
  actions?: ReactNode;
  /** Without padding, for tables. */
  flush?: boolean;
  children: ReactNode;
}

export function Panel({ title, note, actions, flush = false, children }: PanelProps) {
  const id = useId();
  return (
    <section className="panel" aria-labelledby={title === undefined ? undefined : id}>
      {title !== undefined && (
        <div className="panel__head">
          <div>
            <h2 id={id}>{title}</h2>
            {note !== undefined && <p>{note}</p>}
          </div>
          {actions}
        </div>
      )}
      {flush ? children : <div className="panel__body">{children}</div>}
    </section>
  );
}

interface StatItem {
  label: string;
  value: ReactNode;
  note?: ReactNode;
}

export function Stats({ items }: { items: readonly StatItem[] }) {
  return (
    <dl className="stats">
      {items.map(({ label, value, note }) => (
        <div className="stat" key={label}>
          <dt>{label}</dt>
          <dd>
            {value}
            {note !== undefined && <small>{note}</small>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

export function Facts({ items }: { items: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className="facts">
      {items.map(([term, value]) => (
        <FactRow key={term} term={term} value={value} />
      ))}
    </dl>
  );
}

function FactRow({ term, value }: { term: string; value: ReactNode }) {
  return (
    <>
      <dt>{term}</dt>
      <dd>{value}</dd>
    </>
  );
}

type Tone = "quiet" | "good" | "warn" | "bad" | "accent";

export function Badge({ tone = "quiet", children }: { tone?: Tone; children: ReactNode }) {
  return <span className={`badge badge--${tone}`}>{children}</span>;
}
