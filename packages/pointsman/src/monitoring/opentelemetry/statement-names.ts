import type { Attributes } from "@opentelemetry/api";
import { boundedTexts } from "../../bounded-texts.ts";
import { ownCopy } from "../../statements/own-copy.ts";
import { longestSanitized, sanitizedText } from "../../statements/sanitized-text.ts";
import type { StatementStartEvent } from "../../telemetry/events.ts";
import { operationLabel } from "../pool-meter.ts";

/** The conventions' limit, in characters; nothing is cut inside a name. */
const maxSummary = 255;

/** How much of a text is shown, in characters. */
const longest = 8_192;

/** How the texts of statements are shown. */
export type QueryText = "sanitized" | "as-sent" | "none";

/** What a statement is called, and what is known of it before it is sent. */
export interface StatementNames {
  readonly name: string;
  readonly attributes: Attributes;
}

/** Names statements by what the pool has read in their texts; each text is looked at once. */
export class StatementNamer {
  readonly #queryText: QueryText;
  readonly #known = boundedTexts<{ readonly text: string }>(({ text }) => text.length);

  constructor(queryText: QueryText) {
    this.#queryText = queryText;
  }

  names({ text, commands, relations, writes }: StatementStartEvent): StatementNames {
    const attributes: Attributes = { "db.system.name": "postgresql" };
    const shown = this.#shown(text);
    if (shown !== "") attributes["db.query.text"] = shown;
    if (commands.length === 0) return { name: "postgresql", attributes };
    const operation = operationLabel(commands);
    const targets = new Set([...writes, ...relations]);
    const summary = summaryOf(operation, targets);
    attributes["db.operation.name"] = operation;
    attributes["db.query.summary"] = summary;
    if (commands.length > 1) attributes["db.operation.batch.size"] = commands.length;
    const [only] = targets;
    if (targets.size === 1 && only !== undefined) attributes["db.collection.name"] = only;
    return { name: summary, attributes };
  }

  /** A text as it may be shown; empty: not at all. */
  #shown(text: string): string {
    if (this.#queryText === "none") return "";
    if (this.#queryText === "as-sent") return text;
    // To look such a text up takes longer than all the rest.
    if (text.length > longestSanitized) return "";
    const known = this.#known.get(text);
    if (known !== undefined) return known.text;
    const clean = sanitizedText(text) ?? "";
    const shown = ownCopy(clean.length > longest ? `${clean.slice(0, longest)}…` : clean);
    this.#known.set(ownCopy(text), { text: shown });
    return shown;
  }
}

function summaryOf(operation: string, targets: Iterable<string>): string {
  let summary = operation;
  for (const target of targets) {
    if (summary.length + 1 + target.length > maxSummary) break;
    summary += ` ${target}`;
  }
  return summary;
}
