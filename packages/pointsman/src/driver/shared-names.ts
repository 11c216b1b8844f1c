import { createHash } from "node:crypto";
import { boundedTexts } from "../bounded-texts.ts";
import { derive, isSubmittable, type QueryInput } from "../servers/query-input.ts";

/** The name and the text of a query that has a name. */
function named(query: QueryInput): { name: string; text: unknown } | undefined {
  if (typeof query === "string") return undefined;
  const { name, text } = query as { readonly name?: unknown; readonly text?: unknown };
  return typeof name === "string" && name !== "" ? { name, text } : undefined;
}

/** The names that one Client has given to its statements: as long as it lives, as on a connection. */
export class OwnNames {
  readonly #texts = new Map<string, string>();

  /** A query with its text: one that is called by its name alone has that from before. */
  complete(query: QueryInput): QueryInput {
    const found = named(query);
    if (found === undefined) return query;
    const { name, text } = found;
    if (typeof text === "string") {
      this.#texts.set(name, text);
      return query;
    }
    const known = this.#texts.get(name);
    return known === undefined || isSubmittable(query)
      ? query
      : derive(query as never, { text: known });
  }
}

/** The names of prepared statements on connections that several Clients use. */
export class SharedNames {
  readonly #texts = boundedTexts<string>();

  /** A query with a name that means its text there, though another Client has given it to another. */
  apart(query: QueryInput): QueryInput {
    const found = named(query);
    if (found === undefined || typeof found.text !== "string") return query;
    const { name, text } = found;
    const first = this.#texts.get(name);
    if (first === undefined) this.#texts.set(name, text);
    if (first === undefined || first === text) return query;
    const own = createHash("sha256").update(`${name}\0${text}`).digest("base64url");
    if (!isSubmittable(query)) return derive(query as never, { name: own });
    return Object.assign(query, { name: own });
  }
}
