import { useState } from "react";

import type { Schemas } from "@/api";
import { ConfirmDialog, TextField, useToast } from "@/ui";

import { useUpdateTenant } from "./queries";

interface StatusDialogProps {
  tenant: Schemas["Tenant"];
  onClose: () => void;
}

export function StatusDialog({ tenant, onClose }: StatusDialogProps) {
  const update = useUpdateTenant(tenant.name);
  const toast = useToast();
  const [reason, setReason] = useState("");
  const suspending = tenant.status === "active";
  const confirm = () =>
    update.mutate(
      { status: suspending ? "suspended" : "active", reason: reason === "" ? null : reason },
      {
        onSuccess: () => {
          toast(suspending ? `${tenant.name} is suspended.` : `${tenant.name} is active again.`);
          onClose();
        },
      },
    );
  return (
    <ConfirmDialog
      title={suspending ? `Suspend ${tenant.name}?` : `Resume ${tenant.name}?`}
      action={suspending ? "Suspend" : "Resume"}
      harmless={!suspending}
      busy={update.isPending}
      error={update.error}
      onConfirm={confirm}
      onClose={onClose}
    >
      <p>
        {suspending
          ? "Its keys stop working at once, and nothing is deleted. It can be resumed at any time."
          : "Its keys that are not revoked work again at once."}
      </p>
      <TextField
        label="Reason"
        hint="Optional. Kept in the audit trail; no personal data."
        maxLength={500}
        value={reason}
        onChange={(event) => setReason(event.target.value)}
      />
    </ConfirmDialog>
  );
}
