// Which reports there are, in which formats, and which of them a role may take away.
import type { Schemas } from "@/api";
import type { Permission } from "@/session";

export type Kind = Schemas["ExportKind"];
export type Format = Schemas["ExportFormat"];

interface Choice {
  label: string;
  needs: Permission;
  formats: readonly Format[];
  about: string;
  /** Asked for by the API or the command line only: it takes options that no form has yet. */
  byApiOnly?: true;
}

export const KINDS: Record<Kind, Choice> = {
  audit: {
    label: "Audit trail",
    needs: "exports.audit",
    formats: ["jsonl", "csv", "parquet"],
    about: "Every record with its place in the hash chain, closed by a signed checkpoint. Check it with “sovgate audit verify”.",
  },
  billing: {
    label: "Billing report",
    needs: "exports.finance",
    formats: ["csv", "parquet", "xlsx"],
    about: "Every ledger entry with its price version; amounts are exact and add up to the invoice.",
  },
  evidence: {
    label: "Evidence pack",
    needs: "exports.audit",
    formats: ["pdf", "html", "json", "zip"],
    about: "What the trail shows for articles of the AI Act and the GDPR, signed. The JSON is the original: check it with “sovgate audit check-report”.",
  },
  focus: {
    label: "FOCUS 1.2",
    needs: "exports.finance",
    formats: ["csv", "parquet"],
    about: "Charges of whole months (UTC) as finance tools read them; the billed costs of an invoice add up to it.",
  },
  reconciliation: {
    label: "Reconciliation",
    needs: "exports.finance",
    formats: ["xlsx"],
    about: "Ledger against usage: proofs, sums per upstream, and the requests to look at: unpriced, estimated, cut.",
  },
  savings: {
    label: "Savings report",
    needs: "exports.finance",
    formats: ["csv", "parquet", "xlsx"],
    about: "What the same traffic would have cost on another model.",
    byApiOnly: true,
  },
  usage: {
    label: "Usage report",
    needs: "exports.finance",
    formats: ["csv", "parquet", "xlsx"],
    about: "Requests, tokens by class, worker time and cost.",
  },
};

export const FORMAT_LABELS: Record<Format, string> = {
  jsonl: "JSON lines",
  csv: "CSV",
  parquet: "Parquet",
  xlsx: "Excel",
  json: "JSON",
  html: "Web page",
  pdf: "PDF",
  zip: "ZIP",
};

export function kindsFor(can: (permission: Permission) => boolean): Kind[] {
  return (Object.keys(KINDS) as Kind[]).filter((kind) => can(KINDS[kind].needs) && !KINDS[kind].byApiOnly);
}

/** The wanted format where the kind has it, else the kind's first. */
export function formatFor(kind: Kind, wanted: Format): Format {
  const { formats } = KINDS[kind];
  return formats.includes(wanted) ? wanted : (formats[0] ?? wanted);
}

export function isUnderWay({ status }: Pick<Schemas["Export"], "status">): boolean {
  return status === "queued" || status === "running";
}
