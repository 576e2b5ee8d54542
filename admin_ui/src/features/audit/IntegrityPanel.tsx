import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { count } from "@/lib/text";
import { Badge, Button, Failure, Loaded, Notice, Panel, Stats, Time } from "@/ui";

import { integrityQuery, isVerifying, useVerify, type Integrity } from "./queries";

type Verification = NonNullable<Integrity["verification"]>;

/** Whether the chain is whole: what is signed of it, and how it verified last. */
export function IntegrityPanel({ tenant }: { tenant: string }) {
  const integrity = useQuery(integrityQuery(tenant));
  const verify = useVerify(tenant);
  const button = (
    <Button busy={verify.isPending || isVerifying(integrity.data)} onClick={() => verify.mutate()}>
      Verify now
    </Button>
  );
  return (
    <Panel title="Integrity" note="Signed checkpoints cover the chain; each night it is verified against them." actions={button}>
      <Loaded query={integrity}>
        {(data) => (
          <div className="stack audit__integrity">
            <Stats items={stats(data)} />
            {data.verification?.ok === false && (
              <Notice tone="bad">{data.verification.summary ?? "The chain does not verify."}</Notice>
            )}
            {verify.error && <Failure error={verify.error} />}
          </div>
        )}
      </Loaded>
    </Panel>
  );
}

function stats({ records, unsigned, checkpoint, verification }: Integrity) {
  return [
    {
      label: "Records",
      value: count(records),
      note: unsigned === 0 ? "all signed" : `${count(unsigned)} not signed yet`,
    },
    {
      label: "Last checkpoint",
      value: checkpoint === null ? "None yet" : <Time at={checkpoint.at} />,
      note: checkpoint === null ? undefined : `up to #${count(checkpoint.seq)}, key ${checkpoint.key_id}`,
    },
    {
      label: "Last verification",
      value: <Verdict verification={verification} />,
      note: verification === null ? undefined : when(verification),
    },
  ];
}

function Verdict({ verification }: { verification: Verification | null }) {
  if (verification === null) return <span className="muted">Never</span>;
  if (verification.ok === null) {
    return verification.status === "failed" ? <Badge tone="warn">Could not run</Badge> : <Badge tone="accent">Under way</Badge>;
  }
  return verification.ok ? <Badge tone="good">Verified</Badge> : <Badge tone="bad">Damaged</Badge>;
}

function when({ finished_at, records, source }: Verification): ReactNode {
  if (finished_at === null) return undefined;
  const asked = source === "schedule" ? "by schedule" : "on request";
  return (
    <>
      <Time at={finished_at} />, {asked}
      {records !== null && `, ${count(records)} records`}
    </>
  );
}
