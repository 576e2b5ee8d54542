import { useState } from "react";

import type { Schemas } from "@/api";
import { AreaField, Badge, Button, DataTable, Empty, Failure, Panel, SelectField, type Column } from "@/ui";

import { piecesOf } from "./marks";
import { usePolicyNames, useExplain } from "./queries";
import { StreamView } from "./StreamView";

type Explained = Schemas["Explained"];
type Finding = Schemas["ExplainedFinding"];

const EXAMPLE = "Greta Vogel (greta.vogel@example.com, +49 30 901820) asks about invoice 4711.";

/** Paste a text and see what happens to it; nothing of it is kept. */
export function Tester({ tenant }: { tenant: string }) {
  const explain = useExplain(tenant);
  const policies = usePolicyNames();
  const [text, setText] = useState("");
  const [policy, setPolicy] = useState("");
  const [asked, setAsked] = useState("");
  const submit = () => {
    setAsked(text);
    explain.mutate({ text, policy: policy === "" ? null : policy });
  };
  return (
    <>
      <Panel title="Try a text" note="It is looked at and forgotten: neither stored nor logged">
        <form
          className="form"
          onSubmit={(event) => {
            event.preventDefault();
            submit();
          }}
        >
          <AreaField
            label="Text"
            rows={5}
            maxLength={20_000}
            placeholder={EXAMPLE}
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
          <div className="toolbar">
            {policies.length > 0 && (
              <SelectField
                label="Policy"
                value={policy}
                options={[["", "The tenant’s own"], ...policies.map((name) => [name, name] as const)]}
                onChange={setPolicy}
              />
            )}
            <Button type="submit" variant="primary" busy={explain.isPending} disabled={text.trim() === ""}>
              Explain
            </Button>
            {text === "" && (
              <Button variant="ghost" onClick={() => setText(EXAMPLE)}>
                Use an example
              </Button>
            )}
          </div>
          {explain.error && <Failure error={explain.error} />}
        </form>
      </Panel>
      {explain.data && <Result key={explain.submittedAt} text={asked} explained={explain.data} />}
    </>
  );
}

const ACTIONS = {
  mask: "The model gets the masked text.",
  flag: "The policy only flags findings: the model gets the text as it is.",
  allow: "The policy allows personal data: the model gets the text as it is.",
  block: "The policy refuses requests with personal data.",
} as const;

function Result({ text, explained }: { text: string; explained: Explained }) {
  const { findings, masked, restored, policy, action, languages } = explained;
  const note = `${ACTIONS[action]} Policy ${policy}${languages.length > 0 ? `, language ${languages.join(", ")}` : ""}.`;
  return (
    <div className="stack" aria-live="polite">
      <div className="split split--even">
        <Panel title="Found" note={`${findings.length} finding${findings.length === 1 ? "" : "s"}`}>
          <p className="marked" data-testid="found">
            {piecesOf(text, findings).map(({ text: piece, finding }, index) =>
              finding === undefined ? (
                piece
              ) : (
                <mark key={index} title={`${finding.detector}, ${finding.score}`}>
                  {piece}
                  <small>{finding.entity_type}</small>
                </mark>
              ),
            )}
          </p>
        </Panel>
        <Panel title="Masked" note={note}>
          <p className="marked" data-testid="masked">
            {masked}
          </p>
        </Panel>
      </div>
      <Panel title="Why" flush>
        <DataTable
          caption="Findings"
          columns={COLUMNS}
          rows={findings}
          rowKey={({ start, entity_type }) => `${start} ${entity_type}`}
          empty={<Empty title="Nothing found">No detector sees personal data in this text.</Empty>}
        />
      </Panel>
      {findings.length > 0 && <StreamView steps={restored} />}
    </div>
  );
}

const COLUMNS: readonly Column<Finding>[] = [
  { key: "text", header: "Value", head: true, cell: ({ text }) => <span className="wrap">{text}</span> },
  { key: "type", header: "Type", cell: ({ entity_type }) => <code>{entity_type}</code> },
  { key: "score", header: "Score", kind: "num", cell: ({ score }) => score.toFixed(2) },
  {
    key: "detector",
    header: "Detector",
    cell: ({ detector, reason }) => (
      <>
        <span className="wrap">{detector}</span>
        {reason !== "" && <span className="table__sub">{reason}</span>}
      </>
    ),
  },
  { key: "mode", header: "Mode", cell: ({ mode }) => <Badge>{mode}</Badge> },
  {
    key: "replacement",
    header: "Sent instead",
    cell: ({ replacement }) => (replacement === null ? "request refused" : <code className="wrap">{replacement}</code>),
  },
];
