import type { ReactNode } from "react";

import { Button } from "./Button";
import { Icon } from "./Icon";

/** Nothing to show yet, and what to do about it. */
export function Empty({ title, children, action }: { title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className="state">
      <strong>{title}</strong>
      {children !== undefined && <p>{children}</p>}
      {action}
    </div>
  );
}

/** Something could not be loaded. */
export function LoadError({ error, onRetry }: { error: Error; onRetry: () => void }) {
  return (
    <div className="state" role="alert">
      <strong>This could not be loaded</strong>
      <p>{error.message}</p>
      <Button icon="refresh" onClick={onRetry}>
        Try again
      </Button>
    </div>
  );
}

/** Why an action did not happen, beside the action. */
export function Failure({ error }: { error: Error }) {
  return <Notice tone="bad">{error.message}</Notice>;
}

export function Notice({ tone, children }: { tone: "quiet" | "warn" | "bad"; children: ReactNode }) {
  return (
    <div className={`notice notice--${tone}`} role={tone === "bad" ? "alert" : undefined}>
      {tone !== "quiet" && <Icon name="alert" />}
      <div>{children}</div>
    </div>
  );
}

export function Skeleton({ lines = 4 }: { lines?: number }) {
  return (
    <div className="stack" role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, line) => (
        <span key={line} className="skeleton" />
      ))}
    </div>
  );
}

interface Loadable<T> {
  data: T | undefined;
  error: Error | null;
  refetch: () => unknown;
}

/** The three states of something that is fetched. Data that is there stays on a failed refresh. */
export function Loaded<T>({ query, children }: { query: Loadable<T>; children: (data: T) => ReactNode }) {
  if (query.data !== undefined) return children(query.data);
  if (query.error) return <LoadError error={query.error} onRetry={() => void query.refetch()} />;
  return (
    <div className="panel__body">
      <Skeleton />
    </div>
  );
}
