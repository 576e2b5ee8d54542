import { sentence } from "@/lib/text";
import { Badge } from "@/ui";

import type { RecordView } from "./record";

const TONES: Readonly<Record<string, "good" | "warn" | "bad" | "quiet">> = {
  completed: "good",
  blocked: "bad",
  denied: "warn",
  error: "bad",
  disconnected: "warn",
  interrupted: "warn",
};

/** How a request ended, or what an administrator did. */
export function OutcomeBadge({ view }: { view: RecordView }) {
  if (view.action !== null) return <Badge tone="accent">{view.action}</Badge>;
  if (view.outcome === null) return null;
  return (
    <>
      <Badge tone={TONES[view.outcome] ?? "quiet"}>{sentence(view.outcome)}</Badge>
      {view.errorCode !== null && <span className="table__sub">{view.errorCode}</span>}
    </>
  );
}
