import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { matchPath, useLocation } from "react-router";

import { tenantsQuery } from "@/api";
import { Button } from "@/ui";

import { AppRoutes } from "./AppRoutes";
import { ReasonPrompt } from "./ReasonPrompt";
import { Sidebar } from "./Sidebar";
import "./shell.css";

/** Sidebar and page; on a narrow screen the sidebar is a drawer behind a button. */
export function Shell() {
  const { pathname } = useLocation();
  const [open, setOpen] = useState(false);
  const tenant = useCurrentTenant(pathname);
  useEffect(() => {
    if (!open) return undefined;
    const close = (event: KeyboardEvent) => event.key === "Escape" && setOpen(false);
    document.addEventListener("keydown", close);
    return () => document.removeEventListener("keydown", close);
  }, [open]);
  return (
    <div className="shell">
      <a className="shell__skip" href="#content">
        Skip to content
      </a>
      <header>
        <div className="shell__bar">
          <Button
            variant="ghost"
            icon={open ? "close" : "menu"}
            aria-label={open ? "Close menu" : "Open menu"}
            aria-expanded={open}
            aria-controls="sidebar"
            onClick={() => setOpen(!open)}
          />
          <span className="shell__brand">Sovgate</span>
          {tenant !== undefined && pathname.startsWith("/tenants/") && <span className="muted">{tenant}</span>}
        </div>
        {open && <div className="shell__scrim" aria-hidden="true" onClick={() => setOpen(false)} />}
        <Sidebar tenant={tenant} open={open} onNavigate={() => setOpen(false)} />
      </header>
      <main id="content" tabIndex={-1}>
        <AppRoutes />
      </main>
      <ReasonPrompt />
    </div>
  );
}

/** The tenant of the address, or the one last looked at, or the first. */
function useCurrentTenant(pathname: string): string | undefined {
  const { data } = useQuery(tenantsQuery);
  const named = matchPath("/tenants/:tenant/*", pathname)?.params.tenant;
  const [last, setLast] = useState(named);
  if (named !== undefined && named !== last) setLast(named);
  const names = data?.items.map(({ name }) => name) ?? [];
  return named ?? (last !== undefined && names.includes(last) ? last : names[0]);
}
