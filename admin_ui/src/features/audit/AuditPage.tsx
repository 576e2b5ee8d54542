import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";

import { api, body } from "@/api";
import { Button, Empty, Loaded, Page, Panel } from "@/ui";

import { AuditTable } from "./AuditTable";
import type { AuditRecord } from "./record";
import { RecordDialog } from "./RecordDialog";

const PAGE_SIZE = 50;

export function AuditPage({ tenant }: { tenant: string }) {
  const records = useRecords(tenant);
  const [opened, setOpened] = useState<AuditRecord>();
  const refresh = (
    <Button icon="refresh" busy={records.isRefetching} onClick={() => void records.refetch()}>
      Refresh
    </Button>
  );
  return (
    <Page
      title="Audit"
      context={tenant}
      note="Each record is chained to the one before it. Export the trail to verify it without this service."
      actions={refresh}
    >
      <Panel flush>
        <Loaded query={records}>
          {({ pages }) => (
            <AuditTable
              records={pages.flatMap(({ items }) => items)}
              onOpen={setOpened}
              empty={<Empty title="No records yet">Every request and every change made here leaves one.</Empty>}
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
      {opened && <RecordDialog record={opened} onClose={() => setOpened(undefined)} />}
    </Page>
  );
}

function useRecords(tenant: string) {
  return useInfiniteQuery({
    queryKey: ["audit", tenant],
    queryFn: ({ pageParam, signal }) => {
      const query = { limit: PAGE_SIZE, ...(pageParam !== null && { before: pageParam }) };
      return body(api.GET("/tenants/{tenant}/audit", { params: { path: { tenant }, query }, signal }));
    },
    initialPageParam: null as number | null,
    getNextPageParam: ({ next_before }) => next_before,
  });
}
