import type { Definition } from "./queries";

/** A definition as it is written in the form; lists are lines of text. */
export interface Draft {
  name: string;
  kind: Definition["kind"];
  zone: string;
  urls: string;
  models: string;
  keyVariable: string;
}

/** What the form does not show, for a new definition. */
const NEW = {
  dialect: null,
  efforts: {},
  continuous_usage: null,
  connect_timeout_s: 5,
  read_timeout_s: 120,
  total_timeout_s: 600,
  retries: 1,
} as const;

/** The form for a definition, or an empty one. */
export function draftOf(definition: Definition | undefined, zone: string): Draft {
  const urls = definition?.kind === "pool" ? definition.workers : [definition?.base_url ?? ""];
  return {
    name: definition?.name ?? "",
    kind: definition?.kind ?? "openai",
    zone: definition?.zone ?? zone,
    urls: urls.join("\n"),
    models: (definition?.models ?? []).join("\n"),
    keyVariable: definition?.api_key_env ?? "",
  };
}

/** The definition that a form says; what the form does not show stays as it was in `base`. */
export function definitionOf(draft: Draft, base?: Definition): Definition {
  const urls = listOf(draft.urls);
  return {
    ...NEW,
    ...base,
    name: draft.name,
    kind: draft.kind,
    zone: draft.zone,
    models: listOf(draft.models),
    workers: draft.kind === "pool" ? urls : [],
    base_url: draft.kind === "pool" ? null : (urls[0] ?? null),
    api_key_env: draft.keyVariable === "" ? null : draft.keyVariable,
  };
}

const SLUG = /^[a-z0-9][a-z0-9_-]{0,62}$/;
const SLUG_RULE = "Lower-case letters, digits, hyphens and underscores.";

/** What can be told of a form without asking. */
export function mistakes(draft: Draft): Partial<Record<keyof Draft, string>> {
  const found: Partial<Record<keyof Draft, string>> = {};
  const urls = listOf(draft.urls);
  if (!SLUG.test(draft.name)) found.name = SLUG_RULE;
  if (!SLUG.test(draft.zone)) found.zone = SLUG_RULE;
  if (!urls.every((url) => /^https?:\/\//.test(url))) found.urls = "Each begins with https:// or http://.";
  if (urls.length === 0) found.urls = "Write an address, such as https://models.example.com/v1.";
  if (draft.kind === "openai" && urls.length > 1) found.urls = "One address; several are a pool.";
  if (listOf(draft.models).length === 0) found.models = "Write the name of a model.";
  if (!/^([A-Z][A-Z0-9_]{0,99})?$/.test(draft.keyVariable)) found.keyVariable = "Capitals, digits and underscores.";
  return found;
}

function listOf(text: string): string[] {
  return text.split("\n").map((line) => line.trim()).filter(Boolean);
}
