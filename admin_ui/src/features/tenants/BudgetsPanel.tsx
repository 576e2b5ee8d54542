import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { keysQuery, projectsQuery, type Schemas } from "@/api";
import { sentence } from "@/lib/text";
import { useSession, type Session } from "@/session";
import { Amount, Badge, Button, ConfirmDialog, DataTable, Empty, Loaded, Meter, Panel, Time, type Column } from "@/ui";

import { BudgetDialog } from "./BudgetDialog";
import { budgetsQuery, useChangeBudget } from "./queries";

type Budget = Schemas["Budget"];
type Asked = { kind: "create" } | { kind: "edit" | "delete"; budget: Budget };

const PERIODS: Record<Budget["period"], string> = { day: "a day", month: "a month", total: "in total" };

export function BudgetsPanel({ tenant }: { tenant: string }) {
  const session = useSession();
  const budgets = useQuery(budgetsQuery(tenant));
  const nameOf = useScopeNames(tenant);
  const [asked, setAsked] = useState<Asked>();
  const close = () => setAsked(undefined);
  const add = session.can("budgets.write", tenant) && (
    <Button small icon="plus" onClick={() => setAsked({ kind: "create" })}>
      New budget
    </Button>
  );
  return (
    <Panel title="Budgets" note="A hard budget refuses requests once it is used up" actions={add} flush>
      <Loaded query={budgets}>
        {({ items }) => (
          <DataTable
            caption="Budgets"
            columns={columns(session, nameOf, setAsked)}
            rows={items}
            rowKey={({ id }) => id}
            empty={<Empty title="No budget">Without a budget, spending is bounded by the rate limits only.</Empty>}
          />
        )}
      </Loaded>
      {asked?.kind === "create" && <BudgetDialog tenant={tenant} onClose={close} />}
      {asked?.kind === "edit" && <BudgetDialog tenant={tenant} budget={asked.budget} onClose={close} />}
      {asked?.kind === "delete" && <DeleteBudget tenant={tenant} budget={asked.budget} onClose={close} />}
    </Panel>
  );
}

function columns(
  session: Session,
  nameOf: (budget: Budget) => string,
  ask: (asked: Asked) => void,
): readonly Column<Budget>[] {
  const mayChange = ({ scope, tenant }: Budget) =>
    session.can(scope === "tenant" ? "budgets.govern" : "budgets.write", tenant);
  return [
    {
      key: "scope",
      header: "Bounds",
      head: true,
      cell: (budget) => (
        <>
          {nameOf(budget)}
          <span className="table__sub">{sentence(budget.scope)}</span>
        </>
      ),
    },
    { key: "kind", header: "Kind", cell: ({ hard }) => <Badge tone={hard ? "accent" : "quiet"}>{hard ? "Hard" : "Soft"}</Badge> },
    {
      key: "limit",
      header: "Limit",
      kind: "num",
      cell: ({ limit_usd, period }) => (
        <>
          <Amount value={limit_usd} /> <span className="muted">{PERIODS[period]}</span>
        </>
      ),
    },
    { key: "spent", header: "Spent", kind: "num", cell: ({ spent_usd }) => <Amount value={spent_usd} /> },
    { key: "reserved", header: "Reserved", kind: "num", cell: ({ reserved_usd }) => <Amount value={reserved_usd} /> },
    { key: "remaining", header: "Remaining", kind: "num", cell: ({ remaining_usd }) => <Amount value={remaining_usd} /> },
    { key: "used", header: "Used", cell: ({ spent_usd, limit_usd }) => <Meter used={spent_usd} limit={limit_usd} /> },
    { key: "end", header: "Starts anew", kind: "fit", cell: ({ period_end }) => <Time at={period_end} never="never" /> },
    {
      key: "actions",
      header: "Actions",
      kind: "fit",
      cell: (budget) =>
        mayChange(budget) && (
          <span className="table__actions">
            <Button small aria-label={`Edit the budget of ${nameOf(budget)}`} onClick={() => ask({ kind: "edit", budget })}>
              Edit
            </Button>
            <Button
              small
              variant="danger"
              aria-label={`Delete the budget of ${nameOf(budget)}`}
              onClick={() => ask({ kind: "delete", budget })}
            >
              Delete
            </Button>
          </span>
        ),
    },
  ];
}

/** Names of the projects and keys that budgets bound. */
function useScopeNames(tenant: string): (budget: Budget) => string {
  const { can } = useSession();
  const projects = useQuery(projectsQuery(tenant)).data?.items ?? [];
  const keys = useQuery({ ...keysQuery(tenant), enabled: can("keys.read", tenant) }).data?.items ?? [];
  const names = new Map([...projects, ...keys].map(({ id, name }) => [id, name]));
  return ({ scope_id }) => (scope_id === "*" ? "Each one" : (names.get(scope_id) ?? scope_id));
}

function DeleteBudget({ tenant, budget, onClose }: { tenant: string; budget: Budget; onClose: () => void }) {
  const change = useChangeBudget(tenant);
  return (
    <ConfirmDialog
      title="Delete this budget?"
      action="Delete budget"
      busy={change.isPending}
      error={change.error}
      onConfirm={() => change.mutate({ kind: "delete", id: budget.id }, { onSuccess: onClose })}
      onClose={onClose}
    >
      <p>
        Its limit of <Amount value={budget.limit_usd} /> no longer holds. What was spent stays in the ledger.
      </p>
    </ConfirmDialog>
  );
}
