import { useState } from "react";

import type { Schemas } from "@/api";
import { useSession } from "@/session";
import { Button, draftOf, Failure, LimitsFields, limitsOf, Panel, SelectField, TextField, Time, useToast } from "@/ui";

import { usePolicyNames, useUpdateTenant } from "./queries";
import { StatusBadge } from "./StatusBadge";

export function SettingsPanel({ tenant }: { tenant: Schemas["Tenant"] }) {
  const { can } = useSession();
  const update = useUpdateTenant(tenant.name);
  const toast = useToast();
  const policies = usePolicyNames(tenant.policy);
  const [displayName, setDisplayName] = useState(tenant.display_name);
  const [policy, setPolicy] = useState(tenant.policy);
  const [limits, setLimits] = useState(draftOf(tenant.limits));
  const writes = can("tenants.write", tenant.name);
  const governs = can("tenants.govern", tenant.name);
  const submit = () =>
    update.mutate(
      { display_name: displayName, ...(governs && { policy, limits: limitsOf(limits) }) },
      { onSuccess: () => toast("Settings saved.") },
    );
  return (
    <Panel
      title="Settings"
      note={
        <>
          Created <Time at={tenant.created_at} />
        </>
      }
      actions={<StatusBadge status={tenant.status} />}
    >
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <TextField
          label="Display name"
          required
          maxLength={120}
          disabled={!writes}
          value={displayName}
          onChange={(event) => setDisplayName(event.target.value)}
        />
        <SelectField
          label="Guard policy"
          disabled={!governs}
          value={policy}
          options={policies.map((choice) => [choice, choice] as const)}
          hint="What is masked, flagged and blocked, and to which zones traffic may go."
          onChange={setPolicy}
        />
        <LimitsFields draft={limits} disabled={!governs} onChange={setLimits} />
        {update.error && <Failure error={update.error} />}
        {writes && (
          <div className="form__actions">
            <Button type="submit" variant="primary" busy={update.isPending}>
              Save settings
            </Button>
          </div>
        )}
      </form>
    </Panel>
  );
}
