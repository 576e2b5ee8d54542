import { useState, type ReactNode } from "react";

import { Button } from "./Button";
import { Dialog } from "./Dialog";
import { TextField } from "./Field";
import { Failure } from "./states";

interface ConfirmDialogProps {
  title: string;
  action: string;
  children: ReactNode;
  busy: boolean;
  error: Error | null;
  /** The action takes nothing away. */
  harmless?: boolean;
  /** Text to be typed before the action is possible. */
  typed?: string;
  onConfirm: () => void;
  onClose: () => void;
}

/** Asks before something that cannot be taken back. */
export function ConfirmDialog(props: ConfirmDialogProps) {
  const { title, action, children, busy, error, typed, harmless = false, onConfirm, onClose } = props;
  const [text, setText] = useState("");
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          onConfirm();
        }}
      >
        {children}
        {typed !== undefined && (
          <TextField
            label={`Type “${typed}” to confirm`}
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        )}
        {error && <Failure error={error} />}
        <div className="form__actions">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" variant={harmless ? "primary" : "danger"} busy={busy} disabled={typed !== undefined && text !== typed}>
            {action}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
