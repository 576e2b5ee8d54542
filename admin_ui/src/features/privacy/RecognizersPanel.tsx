import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { useSession } from "@/session";
import { Badge, Button, ConfirmDialog, DataTable, Empty, Loaded, Panel, Time, useToast, type Column } from "@/ui";

import { recognizersQuery, useChangeRecognizer, type Summary } from "./queries";
import { RecognizerDialog } from "./RecognizerDialog";

type Asked = { kind: "create" } | { kind: "edit" | "delete"; recognizer: Summary };

export function RecognizersPanel({ tenant }: { tenant: string }) {
  const { can } = useSession();
  const writes = can("recognizers.write", tenant);
  const recognizers = useQuery(recognizersQuery(tenant));
  const [asked, setAsked] = useState<Asked>();
  const close = () => setAsked(undefined);
  const add = writes && (
    <Button small icon="plus" onClick={() => setAsked({ kind: "create" })}>
      New recognizer
    </Button>
  );
  return (
    <Panel title="Recognizers" note="A change holds within seconds on all replicas" actions={add} flush>
      <Loaded query={recognizers}>
        {({ items }) => (
          <DataTable
            caption="Recognizers"
            columns={columns(writes ? setAsked : undefined)}
            rows={items}
            rowKey={({ id, name }) => id ?? `policy ${name}`}
            empty={
              <Empty title="No recognizers of your own">
                Add patterns or lists for what only your people know: employee numbers, project names, patients’ codes.
              </Empty>
            }
          />
        )}
      </Loaded>
      {asked?.kind === "create" && <RecognizerDialog tenant={tenant} onClose={close} />}
      {asked?.kind === "edit" && <RecognizerDialog tenant={tenant} id={asked.recognizer.id} onClose={close} />}
      {asked?.kind === "delete" && <DeleteRecognizer tenant={tenant} recognizer={asked.recognizer} onClose={close} />}
    </Panel>
  );
}

function columns(ask: ((asked: Asked) => void) | undefined): readonly Column<Summary>[] {
  return [
    {
      key: "name",
      header: "Name",
      head: true,
      cell: ({ name, languages }) => (
        <>
          {name}
          <span className="table__sub">{languages.length === 0 ? "all languages" : languages.join(", ")}</span>
        </>
      ),
    },
    { key: "entity", header: "Finds", cell: ({ entity }) => (entity === null ? "nothing: allows" : <code>{entity}</code>) },
    { key: "by", header: "By", cell: (recognizer) => parts(recognizer) },
    {
      key: "source",
      header: "From",
      cell: ({ source }) => <Badge tone={source === "policy" ? "quiet" : "accent"}>{source === "policy" ? "Policy file" : "Here"}</Badge>,
    },
    { key: "changed", header: "Changed", kind: "fit", cell: ({ updated_at }) => <Time at={updated_at} never="—" /> },
    ...(ask === undefined ? [] : [actions(ask)]),
  ];
}

function parts({ patterns, denied_values, allowed_values, context_words }: Summary): string {
  const counted = [
    [patterns, "pattern"],
    [denied_values, "listed value"],
    [context_words, "context word"],
    [allowed_values, "allowed value"],
  ] as const;
  const said = counted.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}${count === 1 ? "" : "s"}`);
  return said.join(", ");
}

function actions(ask: (asked: Asked) => void): Column<Summary> {
  return {
    key: "actions",
    header: "Actions",
    kind: "fit",
    cell: (recognizer) =>
      recognizer.id !== null && (
        <span className="table__actions">
          <Button small aria-label={`Edit ${recognizer.name}`} onClick={() => ask({ kind: "edit", recognizer })}>
            Edit
          </Button>
          <Button
            small
            variant="danger"
            aria-label={`Delete ${recognizer.name}`}
            onClick={() => ask({ kind: "delete", recognizer })}
          >
            Delete
          </Button>
        </span>
      ),
  };
}

function DeleteRecognizer({ tenant, recognizer, onClose }: { tenant: string; recognizer: Summary; onClose: () => void }) {
  const change = useChangeRecognizer(tenant);
  const toast = useToast();
  const deleted = () => {
    toast(`Recognizer ${recognizer.name} is deleted.`);
    onClose();
  };
  const { id, version } = recognizer;
  return (
    <ConfirmDialog
      title={`Delete the recognizer “${recognizer.name}”?`}
      action="Delete recognizer"
      busy={change.isPending}
      error={change.error}
      onConfirm={() => id !== null && change.mutate({ kind: "delete", id, version }, { onSuccess: deleted })}
      onClose={onClose}
    >
      <p>What only it finds goes to models unmasked from now on.</p>
    </ConfirmDialog>
  );
}
