import { useMutation } from "@tanstack/react-query";
import { useState } from "react";

import { api, body, type Schemas } from "@/api";
import { useSession } from "@/session";
import { Button, Dialog, Failure, TextField, useToast } from "@/ui";

export function PasswordDialog({ onClose }: { onClose: () => void }) {
  const { me } = useSession();
  const toast = useToast();
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const change = useMutation({
    mutationFn: (passwords: Schemas["PasswordChange"]) => body(api.POST("/me/password", { body: passwords })),
    onSuccess: () => {
      toast("Password changed. Other sessions of this account were ended.");
      onClose();
    },
  });
  return (
    <Dialog title="Change password" onClose={onClose}>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          change.mutate({ current_password: current, new_password: next });
        }}
      >
        <input className="visually-hidden" type="text" autoComplete="username" value={me.email} readOnly tabIndex={-1} aria-hidden="true" />
        <TextField
          label="Current password"
          type="password"
          autoComplete="current-password"
          required
          value={current}
          onChange={(event) => setCurrent(event.target.value)}
        />
        <TextField
          label="New password"
          type="password"
          autoComplete="new-password"
          required
          minLength={12}
          hint="At least 12 characters; a few unrelated words are good."
          value={next}
          onChange={(event) => setNext(event.target.value)}
        />
        {change.error && <Failure error={change.error} />}
        <div className="form__actions">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" variant="primary" busy={change.isPending}>
            Change password
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
