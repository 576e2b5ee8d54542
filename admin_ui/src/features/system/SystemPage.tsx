import { useQuery } from "@tanstack/react-query";

import { api, body, type Schemas } from "@/api";
import { useSession } from "@/session";
import { Badge, DataTable, Empty, Loaded, Page, Panel, Time, type Column } from "@/ui";

type Upstream = Schemas["UpstreamView"];
type Tier = Schemas["TierView"];
type Price = Schemas["PriceView"];
type Policy = Schemas["PolicyView"];

const UPSTREAMS: readonly Column<Upstream>[] = [
  { key: "name", header: "Upstream", head: true, cell: ({ name }) => name },
  { key: "kind", header: "Kind", cell: ({ kind }) => kind },
  { key: "zone", header: "Zone", cell: ({ zone }) => <Badge>{zone}</Badge> },
  { key: "models", header: "Models", cell: ({ models }) => models.join(", ") },
  { key: "health", header: "Health", cell: (upstream) => <Health upstream={upstream} /> },
];

const TIERS: readonly Column<Tier>[] = [
  { key: "name", header: "Tier", head: true, cell: ({ name }) => name },
  { key: "upstream", header: "Upstream", cell: ({ upstream }) => upstream },
  { key: "model", header: "Model", cell: ({ model }) => model },
  {
    key: "thinking",
    header: "Thinking",
    cell: ({ thinking, effort }) => (thinking ? `on${effort === null ? "" : `, ${effort}`}` : "off"),
  },
];

const PRICES: readonly Column<Price>[] = [
  { key: "model", header: "Model", head: true, cell: ({ model }) => model },
  { key: "from", header: "From", kind: "fit", cell: ({ effective_from }) => <Time at={effective_from} /> },
  { key: "to", header: "Until", kind: "fit", cell: ({ effective_to }) => <Time at={effective_to} never="open" /> },
  { key: "input", header: "Input", kind: "num", cell: ({ input }) => input },
  { key: "cached", header: "Cached", kind: "num", cell: ({ cached_input }) => cached_input },
  { key: "write", header: "Cache write", kind: "num", cell: ({ cache_write }) => cache_write },
  { key: "output", header: "Output", kind: "num", cell: ({ output }) => output },
  { key: "reasoning", header: "Reasoning", kind: "num", cell: ({ reasoning }) => reasoning },
  { key: "worker", header: "Worker second", kind: "num", cell: ({ worker_second }) => worker_second },
  { key: "per", header: "Per", kind: "num", cell: ({ per, currency }) => `${per.toLocaleString("en-US")} tokens, ${currency}` },
];

const POLICIES: readonly Column<Policy>[] = [
  { key: "name", header: "Policy", head: true, cell: ({ name }) => name },
  {
    key: "zones",
    header: "Zones",
    cell: ({ zones }) => (
      <span className="badges">
        {zones.map((zone) => (
          <Badge key={zone}>{zone}</Badge>
        ))}
      </span>
    ),
  },
  { key: "rules", header: "Rules", cell: ({ document }) => <Rules document={document} /> },
];

export function SystemPage() {
  const { can } = useSession();
  const system = useQuery({
    queryKey: ["system"],
    queryFn: ({ signal }) => body(api.GET("/system", { signal })),
    enabled: can("system.read", null),
    refetchInterval: 15_000,
  });
  if (!can("system.read", null)) {
    return (
      <Page title="System">
        <Empty title="Your role does not cover this page">It is for accounts with a role for the whole deployment.</Empty>
      </Page>
    );
  }
  return (
    <Page title="System" note="Read-only: these settings come from the configuration file.">
      <Loaded query={system}>{(data) => <SystemView system={data} />}</Loaded>
    </Page>
  );
}

function SystemView({ system }: { system: Schemas["System"] }) {
  const facts = `Version ${system.version} · ${system.database} · ${system.shared_cache ? "shared cache" : "no shared cache"}`;
  return (
    <>
      <p className="muted">{facts}</p>
      <Panel title="Upstreams" flush>
        <DataTable caption="Upstreams" columns={UPSTREAMS} rows={system.upstreams} rowKey={({ name }) => name} empty={<Empty title="No upstream is configured" />} />
      </Panel>
      <div className="split split--even">
        <Panel title="Tiers" flush>
          <DataTable caption="Tiers" columns={TIERS} rows={system.tiers} rowKey={({ name }) => name} empty={<Empty title="No tier is configured" />} />
        </Panel>
        <Panel title="Guard policies" flush>
          <DataTable caption="Guard policies" columns={POLICIES} rows={system.policies} rowKey={({ name }) => name} empty={<Empty title="No policy is configured" />} />
        </Panel>
      </div>
      <Panel title="Prices" flush>
        <DataTable figures caption="Prices" columns={PRICES} rows={system.prices} rowKey={({ model, effective_from }) => `${model} ${effective_from}`} empty={<Empty title="No price is configured" />} />
      </Panel>
    </>
  );
}

function Health({ upstream }: { upstream: Upstream }) {
  if (upstream.healthy === null) return <Badge>Not asked yet</Badge>;
  if (upstream.healthy) return <Badge tone="good">Healthy</Badge>;
  return (
    <>
      <Badge tone="bad">Unhealthy</Badge>
      {upstream.detail !== null && <span className="table__sub">{upstream.detail}</span>}
    </>
  );
}

function Rules({ document }: { document: Policy["document"] }) {
  return (
    <details>
      <summary>Show</summary>
      <pre className="code">{JSON.stringify(document, null, 2)}</pre>
    </details>
  );
}
