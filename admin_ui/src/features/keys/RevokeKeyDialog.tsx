import type { Schemas } from "@/api";
import { ConfirmDialog, useToast } from "@/ui";

import { useRevokeKey } from "./queries";

export function RevokeKeyDialog({ apiKey, onClose }: { apiKey: Schemas["VirtualKey"]; onClose: () => void }) {
  const revoke = useRevokeKey(apiKey.tenant);
  const toast = useToast();
  const revoked = () => {
    toast(`Key ${apiKey.name} is revoked.`);
    onClose();
  };
  return (
    <ConfirmDialog
      title={`Revoke the key “${apiKey.name}”?`}
      action="Revoke key"
      busy={revoke.isPending}
      error={revoke.error}
      onConfirm={() => revoke.mutate(apiKey.id, { onSuccess: revoked })}
      onClose={onClose}
    >
      <p>
        Requests with <code>{apiKey.prefix}…</code> are refused from now on. This cannot be taken back: an application
        that still needs access gets a new key.
      </p>
    </ConfirmDialog>
  );
}
