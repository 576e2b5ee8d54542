import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { api, body, keysQuery, projectsQuery, type Schemas } from "@/api";
import { isRange, preset, toInterval, type DayRange } from "@/lib/dates";
import { count } from "@/lib/text";
import { useSession } from "@/session";
import { Amount, Loaded, Page, Panel, RangeField, SelectField, Stats } from "@/ui";

import { tokensOf } from "./series";
import { UsageChart } from "./UsageChart";
import { UsageTable } from "./UsageTable";

type Group = Schemas["UsageGroup"];

const GROUPS: readonly (readonly [Group, string])[] = [
  ["day", "Day"],
  ["model", "Model"],
  ["tier", "Tier"],
  ["upstream", "Upstream"],
  ["project", "Project"],
  ["key", "Key"],
];

export function UsagePage({ tenant }: { tenant: string }) {
  const [range, setRange] = useState(() => preset("30d", new Date()));
  const [group, setGroup] = useState<Group>("day");
  const nameOf = useGroupNames(tenant);
  const usage = useUsage(tenant, range, group);
  return (
    <Page title="Usage" context={tenant} note="Settled usage as the ledger has it.">
      <form className="toolbar" aria-label="What is shown" onSubmit={(event) => event.preventDefault()}>
        <RangeField value={range} onChange={setRange} />
        <SelectField label="Group by" value={group} options={GROUPS} onChange={(name) => setGroup(name as Group)} />
      </form>
      <Loaded query={usage}>
        {(data) => (
          <>
            <Totals total={data.total} />
            <UsageChart usage={data} range={range} nameOf={nameOf} />
            <Panel title="Figures" note="The classes of tokens are disjoint; days are UTC" flush>
              <UsageTable usage={data} nameOf={nameOf} header={labelOf(data.group_by)} />
            </Panel>
          </>
        )}
      </Loaded>
    </Page>
  );
}

function labelOf(group: Group): string {
  return GROUPS.find(([name]) => name === group)?.[1] ?? group;
}

function useUsage(tenant: string, range: DayRange, group: Group) {
  return useQuery({
    queryKey: ["usage", tenant, range, group],
    queryFn: ({ signal }) => {
      const { start, end } = toInterval(range);
      const params = { path: { tenant }, query: { from: start, to: end, group_by: group } };
      return body(api.GET("/tenants/{tenant}/usage", { params, signal }));
    },
    enabled: isRange(range),
    placeholderData: keepPreviousData,
  });
}

/** Names instead of identifiers, where the group is a project or a key. */
function useGroupNames(tenant: string): (group: string | null) => string {
  const { can } = useSession();
  const projects = useQuery(projectsQuery(tenant)).data?.items ?? [];
  const keys = useQuery({ ...keysQuery(tenant), enabled: can("keys.read", tenant) }).data?.items ?? [];
  const names = new Map([...projects, ...keys].map(({ id, name }) => [id, name]));
  return (group) => (group === null ? "none" : (names.get(group) ?? group));
}

function Totals({ total }: { total: Schemas["UsageTotals"] }) {
  return (
    <Stats
      items={[
        { label: "Cost", value: <Amount value={total.cost_usd} /> },
        { label: "Requests", value: count(total.requests) },
        { label: "Tokens", value: count(tokensOf(total)) },
        { label: "Worker time", value: `${total.worker_seconds} s`, note: "on self-hosted models" },
      ]}
    />
  );
}
