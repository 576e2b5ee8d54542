import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { Dialog, Loaded } from "@/ui";

import { recognizerQuery } from "./queries";
import { RecognizerForm } from "./RecognizerForm";

interface RecognizerDialogProps {
  tenant: string;
  /** Of the one to change; a new one without it. */
  id?: string | null;
  onClose: () => void;
}

export function RecognizerDialog({ tenant, id, onClose }: RecognizerDialogProps) {
  return (
    <Dialog title={id ? "Edit recognizer" : "New recognizer"} wide onClose={onClose}>
      {id ? <Existing tenant={tenant} id={id} onDone={onClose} /> : <RecognizerForm tenant={tenant} onDone={onClose} />}
    </Dialog>
  );
}

function Existing({ tenant, id, onDone }: { tenant: string; id: string; onDone: () => void }) {
  const query = useQuery({ ...recognizerQuery(tenant, id), refetchOnWindowFocus: false });
  const [loaded, setLoaded] = useState(query.data);
  // The form starts from what was loaded first: a refresh must not undo what is being written.
  if (loaded === undefined && query.data !== undefined) setLoaded(query.data);
  return (
    <Loaded query={{ ...query, data: loaded }}>
      {(recognizer) => <RecognizerForm tenant={tenant} recognizer={recognizer} onDone={onDone} />}
    </Loaded>
  );
}
