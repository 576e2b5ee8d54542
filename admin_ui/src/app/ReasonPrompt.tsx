import { useEffect, useState } from "react";

import { reason } from "@/api";
import { Button, Dialog, TextField } from "@/ui";

type Answer = (text: string | null) => void;

/** Where a deployment wants a reason with each change, the API client asks for it here. */
export function ReasonPrompt() {
  const [answer, setAnswer] = useState<Answer>();
  useEffect(() => {
    reason.ask = () => new Promise((resolve) => setAnswer(() => resolve));
    return () => {
      reason.ask = () => Promise.resolve(null);
    };
  }, []);
  if (answer === undefined) return null;
  const finish: Answer = (text) => {
    setAnswer(undefined);
    answer(text);
  };
  return <ReasonDialog onAnswer={finish} />;
}

function ReasonDialog({ onAnswer }: { onAnswer: Answer }) {
  const [text, setText] = useState("");
  return (
    <Dialog title="Why this change?" onClose={() => onAnswer(null)}>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          if (text.trim() !== "") onAnswer(text.trim());
        }}
      >
        <TextField
          label="Reason"
          required
          maxLength={500}
          placeholder="Ticket 4711"
          hint="It stands in the audit trail for good: no names of people, no addresses."
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        <div className="form__actions">
          <Button onClick={() => onAnswer(null)}>Cancel</Button>
          <Button type="submit" variant="primary">
            Go on
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
