import { useState } from "react";
import { useNavigate } from "react-router";

import { isSlug, slugOf } from "@/lib/text";
import { Button, Dialog, draftOf, Failure, LimitsFields, limitsOf, SelectField, TextField, useToast } from "@/ui";

import { useCreateTenant, usePolicyNames } from "./queries";

export function CreateTenantDialog({ onClose }: { onClose: () => void }) {
  const create = useCreateTenant();
  const navigate = useNavigate();
  const toast = useToast();
  const policies = usePolicyNames("default");
  const [displayName, setDisplayName] = useState("");
  const [ownName, setOwnName] = useState<string>();
  const [policy, setPolicy] = useState("default");
  const [limits, setLimits] = useState(draftOf({}));
  const name = ownName ?? slugOf(displayName);
  const invalid = name !== "" && !isSlug(name);
  const submit = () =>
    create.mutate(
      { name, display_name: displayName, policy, limits: limitsOf(limits) },
      {
        onSuccess: () => {
          toast(`Tenant ${name} created.`);
          void navigate(`/tenants/${name}`);
        },
      },
    );
  return (
    <Dialog title="New tenant" onClose={onClose}>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          if (!invalid) submit();
        }}
      >
        <TextField
          label="Display name"
          required
          maxLength={120}
          placeholder="Acme Ltd"
          value={displayName}
          onChange={(event) => setDisplayName(event.target.value)}
        />
        <TextField
          label="Name"
          required
          className="mono"
          value={name}
          hint="Lower-case letters, digits and hyphens. Stands in records and reports, and never changes."
          error={invalid ? "Use lower-case letters, digits and inner hyphens, 63 at most." : undefined}
          onChange={(event) => setOwnName(event.target.value)}
        />
        <SelectField
          label="Guard policy"
          value={policy}
          options={policies.map((choice) => [choice, choice] as const)}
          onChange={setPolicy}
        />
        <LimitsFields draft={limits} onChange={setLimits} />
        {create.error && <Failure error={create.error} />}
        <div className="form__actions">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" variant="primary" busy={create.isPending}>
            Create tenant
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
