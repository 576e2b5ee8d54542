import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { useSession } from "@/session";
import { Button, Empty, Loaded, Page, Panel } from "@/ui";

import "./audit.css";
import { AuditTable } from "./AuditTable";
import { ExportDialog } from "./ExportDialog";
import { FilterBar } from "./FilterBar";
import { EVERYTHING, isFiltered } from "./filters";
import { IntegrityPanel } from "./IntegrityPanel";
import { integrityQuery, useRecords } from "./queries";
import type { AuditRecord } from "./record";
import { RecordDialog } from "./RecordDialog";

export function AuditPage({ tenant }: { tenant: string }) {
  const { can } = useSession();
  const client = useQueryClient();
  const [asked, setAsked] = useState(EVERYTHING);
  const records = useRecords(tenant, asked);
  const [opened, setOpened] = useState<AuditRecord>();
  const [exporting, setExporting] = useState(false);
  const refresh = () => {
    void records.refetch();
    void client.invalidateQueries({ queryKey: integrityQuery(tenant).queryKey });
  };
  const actions = (
    <>
      {can("exports.audit", tenant) && (
        <Button icon="download" onClick={() => setExporting(true)}>
          Export
        </Button>
      )}
      <Button icon="refresh" busy={records.isRefetching} onClick={refresh}>
        Refresh
      </Button>
    </>
  );
  return (
    <Page
      title="Audit"
      context={tenant}
      note="Each record is chained to the one before it. Export the trail to verify it without this service."
      actions={actions}
    >
      <IntegrityPanel tenant={tenant} />
      <FilterBar onAsk={setAsked} />
      <Panel title="Records" flush>
        <Loaded query={records}>
          {({ pages }) => (
            <AuditTable
              records={pages.flatMap(({ items }) => items)}
              onOpen={setOpened}
              empty={<NoRecords filtered={isFiltered(asked) || asked.range !== null} more={records.hasNextPage} />}
            />
          )}
        </Loaded>
        {records.hasNextPage && (
          <div className="table__more">
            <Button busy={records.isFetchingNextPage} onClick={() => void records.fetchNextPage()}>
              Older records
            </Button>
          </div>
        )}
      </Panel>
      {opened && <RecordDialog tenant={tenant} record={opened} onClose={() => setOpened(undefined)} />}
      {exporting && <ExportDialog tenant={tenant} asked={asked} onClose={() => setExporting(false)} />}
    </Page>
  );
}

function NoRecords({ filtered, more }: { filtered: boolean; more: boolean }) {
  if (more) return <Empty title="None among the newest records">Older ones have not been looked at yet.</Empty>;
  if (filtered) return <Empty title="No such records">Change the filters, or clear them.</Empty>;
  return <Empty title="No records yet">Every request and every change made here leaves one.</Empty>;
}
