import { useEffect, useState } from "react";

import { Button } from "./Button";

type State = "ready" | "copied" | "failed";
const LABELS: Record<State, string> = { ready: "Copy", copied: "Copied", failed: "Select and copy by hand" };

export function CopyButton({ text, what }: { text: string; what: string }) {
  const [state, setState] = useState<State>("ready");
  useEffect(() => {
    if (state === "ready") return undefined;
    const timer = setTimeout(() => setState("ready"), 2500);
    return () => clearTimeout(timer);
  }, [state]);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setState("copied");
    } catch {
      // No clipboard on plain HTTP from another machine, or refused by the user.
      setState("failed");
    }
  };
  return (
    <>
      <Button
        small
        icon={state === "copied" ? "check" : "copy"}
        aria-label={state === "ready" ? `Copy ${what}` : undefined}
        onClick={() => void copy()}
      >
        {LABELS[state]}
      </Button>
      <span className="visually-hidden" role="status">
        {state === "copied" && `${what} copied`}
      </span>
    </>
  );
}
