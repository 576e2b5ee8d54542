import type { Schemas } from "@/api";
import { Button, CopyButton, Notice } from "@/ui";

interface CreatedKeyProps {
  created: Schemas["VirtualKeyCreated"];
  onDone: () => void;
}

/** The one time that a key is seen whole. */
export function CreatedKey({ created, onDone }: CreatedKeyProps) {
  const example = `from openai import OpenAI\n\nclient = OpenAI(\n    base_url="${location.origin}/v1",\n    api_key="${created.prefix}…",\n)`;
  return (
    <div className="form">
      <Notice tone="warn">This is the only time that the key is shown. The gateway stores just a keyed hash of it.</Notice>
      <div className="secret">
        <code data-testid="api-key">{created.api_key}</code>
        <CopyButton text={created.api_key} what="the key" />
      </div>
      <pre className="code">{example}</pre>
      <div className="form__actions">
        <Button variant="primary" onClick={onDone}>
          I have stored the key
        </Button>
      </div>
    </div>
  );
}
