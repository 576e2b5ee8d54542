import { count } from "@/lib/text";

import { TextField } from "./Field";

/** Requests and tokens a minute, requests at a time; null is unlimited. */
export interface Limits {
  rpm?: number | null;
  tpm?: number | null;
  parallel?: number | null;
}

/** The three limits as typed text; empty is unlimited. */
export interface LimitsDraft {
  rpm: string;
  tpm: string;
  parallel: string;
}

const NAMES = [
  ["rpm", "Requests / minute"],
  ["tpm", "Tokens / minute"],
  ["parallel", "At a time"],
] as const;

export function draftOf(limits: Limits): LimitsDraft {
  const text = (value: number | null | undefined) => (value == null ? "" : String(value));
  return { rpm: text(limits.rpm), tpm: text(limits.tpm), parallel: text(limits.parallel) };
}

export function limitsOf(draft: LimitsDraft): Required<Limits> {
  const value = (text: string) => (text === "" ? null : Number(text));
  return { rpm: value(draft.rpm), tpm: value(draft.tpm), parallel: value(draft.parallel) };
}

interface LimitsFieldsProps {
  draft: LimitsDraft;
  disabled?: boolean;
  onChange: (draft: LimitsDraft) => void;
}

export function LimitsFields({ draft, disabled = false, onChange }: LimitsFieldsProps) {
  return (
    <div className="form__row">
      {NAMES.map(([name, label]) => (
        <TextField
          key={name}
          label={label}
          type="number"
          min={0}
          step={1}
          placeholder="Unlimited"
          disabled={disabled}
          value={draft[name]}
          onChange={(event) => onChange({ ...draft, [name]: event.target.value })}
        />
      ))}
    </div>
  );
}

export function LimitsText({ limits }: { limits: Limits }) {
  const parts = [
    limits.rpm != null && `${count(limits.rpm)} req/min`,
    limits.tpm != null && `${count(limits.tpm)} tok/min`,
    limits.parallel != null && `${count(limits.parallel)} at a time`,
  ].filter((part) => part !== false);
  return parts.length === 0 ? <span className="muted">Unlimited</span> : <>{parts.join(" · ")}</>;
}
