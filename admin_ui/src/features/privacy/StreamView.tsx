import { useEffect, useState } from "react";

import type { Schemas } from "@/api";
import { Button, Panel } from "@/ui";

import { streamAfter } from "./marks";

const STEP_MS = 60;

/** The masked text streamed back as if a model repeated it, piece by piece. */
export function StreamView({ steps }: { steps: readonly Schemas["RestoreStep"][] }) {
  const [count, setCount] = useState(steps.length);
  const [playing, setPlaying] = useState(false);
  useEffect(() => {
    if (!playing) return undefined;
    const timer = setInterval(() => setCount((shown) => Math.min(shown + 1, steps.length)), STEP_MS);
    return () => clearInterval(timer);
  }, [playing, steps]);
  if (playing && count >= steps.length) setPlaying(false);
  const { passed, held, sent } = streamAfter(steps, count);
  const play = () => {
    if (count >= steps.length) setCount(0);
    setPlaying(!playing);
  };
  return (
    <Panel
      title="Restored in a stream"
      note="A token is held back until it is whole; everything else passes at once"
      actions={
        <Button small icon="refresh" onClick={play}>
          {playing ? "Pause" : "Play"}
        </Button>
      }
    >
      <div className="stream">
        <label className="stream__scrub">
          <span className="visually-hidden">Pieces received</span>
          <input
            type="range"
            min={0}
            max={steps.length}
            value={count}
            onChange={(event) => {
              setPlaying(false);
              setCount(Number(event.target.value));
            }}
          />
          <span className="muted mono">
            {count}/{steps.length}
          </span>
        </label>
        <div className="split split--even">
          <div>
            <h3 className="field__label">From the model</h3>
            <p className="marked" data-testid="received">
              {passed}
              {held !== "" && <span className="held">{held}</span>}
            </p>
          </div>
          <div>
            <h3 className="field__label">To the client</h3>
            <p className="marked" data-testid="sent">
              {sent}
            </p>
          </div>
        </div>
      </div>
    </Panel>
  );
}
