import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { keysQuery, projectsQuery, type Schemas } from "@/api";
import { isAmount } from "@/lib/money";
import { useSession } from "@/session";
import { Button, Dialog, Failure, Segments, SelectField, TextField, useToast } from "@/ui";

import { useChangeBudget, type BudgetChange } from "./queries";

type Budget = Schemas["Budget"];
type Scope = Schemas["BudgetCreate"]["scope"];
type Period = Budget["period"];

interface BudgetDialogProps {
  tenant: string;
  /** The budget to change; a new one without it. */
  budget?: Budget;
  onClose: () => void;
}

export function BudgetDialog({ tenant, budget, onClose }: BudgetDialogProps) {
  const { can } = useSession();
  const toast = useToast();
  const change = useChangeBudget(tenant);
  const [scope, setScope] = useState<Scope>(can("budgets.govern", tenant) ? "tenant" : "project");
  const [scopeId, setScopeId] = useState("");
  const [period, setPeriod] = useState<Period>(budget?.period ?? "month");
  const [limit, setLimit] = useState(budget?.limit_usd ?? "");
  const [kind, setKind] = useState<"hard" | "soft">(budget?.hard === false ? "soft" : "hard");
  const invalid = limit !== "" && !isAmount(limit);
  const hard = kind === "hard";
  const asked: BudgetChange =
    budget === undefined
      ? { kind: "create", budget: { scope, scope_id: scope === "tenant" ? null : scopeId, period, limit_usd: limit, hard } }
      : { kind: "update", id: budget.id, change: { limit_usd: limit, hard } };
  const saved = () => {
    toast("Budget saved.");
    onClose();
  };
  return (
    <Dialog title={budget === undefined ? "New budget" : "Edit budget"} onClose={onClose}>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          if (!invalid) change.mutate(asked, { onSuccess: saved });
        }}
      >
        {budget === undefined && (
          <>
            <ScopeFields tenant={tenant} scope={scope} scopeId={scopeId} onScope={setScope} onScopeId={setScopeId} />
            <Segments
              label="Period"
              value={period}
              options={[
                ["day", "Day"],
                ["month", "Month"],
                ["total", "Total"],
              ]}
              onChange={setPeriod}
            />
          </>
        )}
        <TextField
          label="Limit in US dollars"
          required
          inputMode="decimal"
          placeholder="100.00"
          value={limit}
          error={invalid ? "Write a plain decimal amount such as 100.00." : undefined}
          onChange={(event) => setLimit(event.target.value.trim())}
        />
        <Segments
          label="When it is used up"
          value={kind}
          options={[
            ["hard", "Refuse (hard)"],
            ["soft", "Report (soft)"],
          ]}
          onChange={setKind}
        />
        {change.error && <Failure error={change.error} />}
        <div className="form__actions">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" variant="primary" busy={change.isPending}>
            Save budget
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

interface ScopeFieldsProps {
  tenant: string;
  scope: Scope;
  scopeId: string;
  onScope: (scope: Scope) => void;
  onScopeId: (id: string) => void;
}

function ScopeFields({ tenant, scope, scopeId, onScope, onScopeId }: ScopeFieldsProps) {
  const { can } = useSession();
  const projects = useQuery(projectsQuery(tenant)).data?.items ?? [];
  const keys = useQuery({ ...keysQuery(tenant), enabled: can("keys.read", tenant) }).data?.items ?? [];
  const live = keys.filter(({ status }) => status === "active");
  const choices = (scope === "project" ? projects : live).map(({ id, name }) => [id, name] as const);
  return (
    <>
      <Segments
        label="Bounds"
        value={scope}
        options={[
          ...(can("budgets.govern", tenant) ? [["tenant", "Tenant"] as const] : []),
          ["project", "Project"],
          ["key", "Key"],
        ]}
        onChange={(next) => {
          onScope(next);
          onScopeId("");
        }}
      />
      {scope !== "tenant" && (
        <SelectField
          label={scope === "project" ? "Project" : "Key"}
          required
          value={scopeId}
          options={[["", "Choose…"], ...choices]}
          onChange={onScopeId}
        />
      )}
    </>
  );
}
