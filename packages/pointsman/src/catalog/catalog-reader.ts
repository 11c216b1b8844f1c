import { nextTurn } from "../next-turn.ts";
import type { EndpointClient } from "../servers/endpoint-client.ts";
import type { Row } from "../servers/question.ts";
import { buildDatabase } from "./build-database.ts";
import { catalogQuestion, changeQuestion } from "./catalog-question.ts";
import { readCatalogRows } from "./catalog-rows.ts";
import type { FunctionRule } from "./function-rules.ts";
import type { KnownDatabase } from "./known-database.ts";

/** How long, in milliseconds, bodies are parsed before others have their turn. */
const turnMillis = 4;

/** What a server has said of its database, and by what a change of it shows. */
export interface CatalogReading {
  readonly database: KnownDatabase;
  readonly mark: string;
}

/**
 * Asks a server for its catalog.
 *
 * @param mark - as it was before
 * @returns `undefined`: nothing has changed since then
 * @throws what the server or the connection fail with
 */
export async function readCatalog(
  client: EndpointClient,
  rules: readonly FunctionRule[],
  mark: string | undefined,
): Promise<CatalogReading | undefined> {
  const [now] = await ask(client, changeQuestion);
  // What changes between the two questions shows at the next look.
  if (typeof now !== "string" || now === mark) return undefined;
  const rows = readCatalogRows(await ask(client, catalogQuestion));
  let until = performance.now() + turnMillis;
  const database = await buildDatabase(rows, rules, async () => {
    if (performance.now() < until) return;
    await nextTurn();
    until = performance.now() + turnMillis;
  });
  return { database, mark: now };
}

function ask(client: EndpointClient, text: string): Promise<Row> {
  return new Promise((resolve, reject) => {
    client.ask(text, (error, row) => {
      if (row === undefined) reject(error ?? new Error("The server gave no answer."));
      else resolve(row);
    });
  });
}
