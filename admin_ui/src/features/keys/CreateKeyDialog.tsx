import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { projectsQuery } from "@/api";
import { addDays, dayOf, startOf } from "@/lib/dates";
import { Button, Dialog, draftOf, Failure, LimitsFields, limitsOf, SelectField, TextField } from "@/ui";

import { CreatedKey } from "./CreatedKey";
import { useCreateKey } from "./queries";

export function CreateKeyDialog({ tenant, onClose }: { tenant: string; onClose: () => void }) {
  const create = useCreateKey(tenant);
  if (create.data) {
    return (
      <Dialog title="Copy the new key now" sticky onClose={onClose}>
        <CreatedKey created={create.data} onDone={onClose} />
      </Dialog>
    );
  }
  return (
    <Dialog title="New key" onClose={onClose}>
      <KeyForm tenant={tenant} create={create} onCancel={onClose} />
    </Dialog>
  );
}

interface KeyFormProps {
  tenant: string;
  create: ReturnType<typeof useCreateKey>;
  onCancel: () => void;
}

function KeyForm({ tenant, create, onCancel }: KeyFormProps) {
  const projects = useQuery(projectsQuery(tenant)).data?.items ?? [];
  const [name, setName] = useState("");
  const [projectId, setProjectId] = useState("");
  const [lastDay, setLastDay] = useState("");
  const [limits, setLimits] = useState(draftOf({}));
  const initial = projects.find((project) => project.name === "default");
  const others = projects.filter(({ id }) => id !== initial?.id);
  const submit = () =>
    create.mutate({
      name,
      project_id: projectId === "" ? null : projectId,
      limits: limitsOf(limits),
      expires_at: lastDay === "" ? null : startOf(addDays(lastDay, 1)).toISOString(),
    });
  return (
    <form
      className="form"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <TextField
        label="Name"
        required
        maxLength={120}
        placeholder="support-bot production"
        hint="What the key is for; it stands in usage reports."
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
      <div className="form__row">
        <SelectField
          label="Project"
          value={projectId}
          options={[["", "default"], ...others.map((project) => [project.id, project.name] as const)]}
          onChange={setProjectId}
        />
        <TextField
          label="Last day (UTC)"
          type="date"
          min={dayOf(new Date())}
          hint="Optional."
          value={lastDay}
          onChange={(event) => setLastDay(event.target.value)}
        />
      </div>
      <LimitsFields draft={limits} onChange={setLimits} />
      <p className="muted">Limits can only narrow those of the tenant.</p>
      {create.error && <Failure error={create.error} />}
      <div className="form__actions">
        <Button onClick={onCancel}>Cancel</Button>
        <Button type="submit" variant="primary" busy={create.isPending}>
          Create key
        </Button>
      </div>
    </form>
  );
}
