import { useEffect, type ReactNode } from "react";

interface PageProps {
  title: string;
  /** Stands above the title: whose page this is. */
  context?: ReactNode;
  note?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}

/** The frame of every page: its heading, its actions, and the title of the browser's tab. */
export function Page({ title, context, note, actions, children }: PageProps) {
  useEffect(() => {
    document.title = `${title} · Sovgate`;
  }, [title]);
  return (
    <div className="page">
      <header className="page__head">
        <div>
          {context !== undefined && <div className="page__context">{context}</div>}
          <h1>{title}</h1>
          {note !== undefined && <p className="muted">{note}</p>}
        </div>
        {actions !== undefined && <div className="page__actions">{actions}</div>}
      </header>
      {children}
    </div>
  );
}
