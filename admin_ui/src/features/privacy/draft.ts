import type { Definition } from "./queries";

/** One pattern as it is written in the form. */
export interface PatternDraft {
  regex: string;
  score: string;
  ignoreCase: boolean;
}

/** A definition as it is written in the form; lists are lines of text. */
export interface Draft {
  name: string;
  entity: string;
  languages: readonly Language[];
  patterns: readonly PatternDraft[];
  denied: string;
  wholeWords: boolean;
  words: string;
  required: boolean;
  allowed: string;
  allowedPatterns: string;
}

export const LANGUAGES = ["en", "de", "fr", "zh"] as const;
export type Language = (typeof LANGUAGES)[number];

export const EMPTY_PATTERN: PatternDraft = { regex: "", score: "0.85", ignoreCase: false };

/** What the form does not show, for a new definition. */
const NEW = {
  pattern: { name: "pattern", group: 0 },
  deny_list: { score: 1, ignore_case: true },
  context: { boost: 0.35, before: 60, after: 30 },
  allow_list: { ignore_case: false },
} as const;

/** The form for a definition, or an empty one. */
export function draftOf(definition?: Definition): Draft {
  return {
    name: definition?.name ?? "",
    entity: definition?.entity ?? "",
    languages: definition?.languages ?? [],
    patterns: (definition?.patterns ?? []).map(({ regex, score, flags }) => ({
      regex,
      score: String(score),
      ignoreCase: flags.includes("ignore_case"),
    })),
    denied: lines(definition?.deny_list?.values),
    wholeWords: definition?.deny_list?.whole_words ?? true,
    words: (definition?.context?.words ?? []).join(", "),
    required: definition?.context?.required ?? false,
    allowed: lines(definition?.allow_list?.values),
    allowedPatterns: lines(definition?.allow_list?.patterns),
  };
}

/** The definition that a form says; what the form does not show stays as it was in `base`. */
export function definitionOf(draft: Draft, base?: Definition): Definition {
  const denied = listOf(draft.denied);
  const words = draft.words.split(",").map((word) => word.trim()).filter(Boolean);
  const [allowed, allowedPatterns] = [listOf(draft.allowed), listOf(draft.allowedPatterns)];
  return {
    name: draft.name,
    entity: draft.entity === "" ? null : draft.entity,
    languages: [...draft.languages],
    patterns: draft.patterns.map((pattern, index) => patternOf(pattern, base?.patterns[index])),
    deny_list: denied.length === 0 ? null : { ...NEW.deny_list, ...base?.deny_list, values: denied, whole_words: draft.wholeWords },
    context: words.length === 0 ? null : { ...NEW.context, ...base?.context, words, required: draft.required },
    allow_list:
      allowed.length + allowedPatterns.length === 0
        ? null
        : { ...NEW.allow_list, ...base?.allow_list, values: allowed, patterns: allowedPatterns },
  };
}

type PatternSpec = Definition["patterns"][number];

function patternOf({ regex, score, ignoreCase }: PatternDraft, base?: PatternSpec): PatternSpec {
  const others = (base?.flags ?? []).filter((flag) => flag !== "ignore_case");
  return { ...NEW.pattern, ...base, regex, score: Number(score), flags: ignoreCase ? [...others, "ignore_case"] : others };
}

/** What can be told of a form without asking; keys are the fields' names in the API. */
export function mistakes(draft: Draft): Record<string, string> {
  const found: Record<string, string> = {};
  if (!/^[a-z0-9][a-z0-9_-]{0,62}$/.test(draft.name)) {
    found.name = "Lower-case letters, digits, hyphens and underscores.";
  }
  const finds = draft.patterns.length > 0 || listOf(draft.denied).length > 0;
  if (finds || draft.entity !== "") {
    if (!/^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/.test(draft.entity) || draft.entity.length > 40) {
      found.entity = "Capitals, digits and single underscores, such as EMPLOYEE_ID.";
    }
  }
  draft.patterns.forEach(({ regex, score }, index) => {
    if (regex === "") found[`patterns.${index}.regex`] = "Write a pattern, or remove it.";
    else if (regex.length > 1000) found[`patterns.${index}.regex`] = "At most 1,000 characters.";
    if (score.trim() === "" || !(Number(score) >= 0 && Number(score) <= 1)) {
      found[`patterns.${index}.score`] = "A number from 0 to 1.";
    }
  });
  const lists = { "deny_list.values": draft.denied, "allow_list.values": draft.allowed };
  for (const [field, text] of Object.entries(lists)) {
    if (listOf(text).some((value) => value.length > 200)) found[field] = "At most 200 characters a line.";
    if (listOf(text).length > 10_000) found[field] = "At most 10,000 lines.";
  }
  if (!finds && listOf(draft.allowed + draft.allowedPatterns).length === 0) {
    found[""] = "Add a pattern, values to find, or values to allow.";
  }
  return found;
}

/** Fields of the form by the API's name for them: `definition.patterns.0.regex`. */
export function fieldOf(param: string | null): string {
  const field = (param ?? "").replace(/^definition\./, "");
  return field.replace(/^(allow_list\.(?:values|patterns)|deny_list\.values|context\.words)\..*$/, "$1");
}

function listOf(text: string): string[] {
  return text.split("\n").map((line) => line.trim()).filter(Boolean);
}

function lines(values: readonly string[] | undefined): string {
  return (values ?? []).join("\n");
}
