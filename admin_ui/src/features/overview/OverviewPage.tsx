import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { api, body, type Schemas } from "@/api";
import { weight } from "@/lib/money";
import { count, percent } from "@/lib/text";
import { Amount, Bar, Empty, Loaded, Page, Panel, Segments, Stats, Time } from "@/ui";

type Window = Schemas["Window"];
type Share = Schemas["Share"];
type Span = "last_24h" | "last_30d";

const REFRESH_MS = 10_000;

export function OverviewPage() {
  const [span, setSpan] = useState<Span>("last_24h");
  const overview = useQuery({
    queryKey: ["overview"],
    queryFn: ({ signal }) => body(api.GET("/overview", { signal })),
    refetchInterval: REFRESH_MS,
  });
  return (
    <Page
      title="Overview"
      actions={
        <Segments
          label="Time span"
          hideLabel
          value={span}
          options={[
            ["last_24h", "24 hours"],
            ["last_30d", "30 days"],
          ]}
          onChange={setSpan}
        />
      }
    >
      <Loaded query={overview}>{(data) => <WindowView window={data[span]} tenants={data.tenants} />}</Loaded>
    </Page>
  );
}

function WindowView({ window, tenants }: { window: Window; tenants: readonly string[] }) {
  const share = (part: number) => (window.requests > 0 ? `${percent(part / window.requests)} of requests` : "no requests");
  return (
    <>
      <Stats
        items={[
          { label: "Requests", value: count(window.requests), note: `${count(tenants.length)} tenants` },
          { label: "Cost", value: <Amount value={window.cost_usd} />, note: "settled in the ledger" },
          {
            label: "Tokens",
            value: count(window.input_tokens + window.output_tokens),
            note: `${count(window.input_tokens)} in · ${count(window.output_tokens)} out`,
          },
          { label: "Masked", value: count(window.masked), note: share(window.masked) },
          { label: "Blocked", value: count(window.blocked), note: share(window.blocked) },
          { label: "Failed", value: count(window.failed), note: share(window.failed) },
        ]}
      />
      <div className="split split--even">
        <Panel title="By tier" note="Requests, tokens and cost of each tier">
          <Shares shares={window.by_tier} none="No tier (blocked before routing)" />
        </Panel>
        <Panel title="By upstream" note="Where the requests were answered">
          <Shares shares={window.by_upstream} none="No upstream was called" />
        </Panel>
      </div>
      <p className="muted">
        From <Time at={window.start} /> to <Time at={window.end} />. Refreshed every {REFRESH_MS / 1000} seconds.
      </p>
    </>
  );
}

function Shares({ shares, none }: { shares: readonly Share[]; none: string }) {
  if (shares.length === 0) {
    return <Empty title="No traffic yet">Point an OpenAI SDK at this gateway with a key of a tenant.</Empty>;
  }
  const most = Math.max(...shares.map(({ requests }) => requests), 1);
  const sorted = [...shares].sort((a, b) => b.requests - a.requests || weight(b.cost_usd) - weight(a.cost_usd));
  return (
    <ul className="shares">
      {sorted.map(({ name, requests, tokens, cost_usd }) => (
        <li key={name ?? "none"}>
          <span>{name ?? <span className="muted">{none}</span>}</span>
          <span>
            {count(requests)} <span className="muted">requests · {count(tokens)} tokens · </span>
            <Amount value={cost_usd} />
          </span>
          <Bar share={requests / most} />
        </li>
      ))}
    </ul>
  );
}
