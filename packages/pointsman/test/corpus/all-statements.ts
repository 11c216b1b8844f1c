import type { Client } from "pg";
import { Random } from "../consistency/random.ts";
import type { Statement, Surroundings } from "./statement.ts";
import { builtinCalls } from "./topics/builtin-calls.ts";
import { dataChanges, syntax } from "./topics/changes.ts";
import { extensionCalls } from "./topics/extension-calls.ts";
import { hiddenWrites } from "./topics/hidden-writes.ts";
import { reading } from "./topics/reading.ts";
import { relationReads } from "./topics/relations.ts";
import { schemaChanges } from "./topics/schema-changes.ts";
import { sessionChanges } from "./topics/session.ts";
import { sweep } from "./topics/sweep.ts";
import { userFunctions } from "./topics/user-functions.ts";

/**
 * Every statement of a corpus, each once. The same for the same seed, version and extensions.
 *
 * @param client - to the database, whose catalogs name the builtins and what extensions bring
 */
export async function allStatements(
  client: Client,
  seed: number,
  surroundings: Surroundings,
): Promise<Statement[]> {
  const random = new Random(seed);
  const all = [
    ...builtinCalls(random.fork(), surroundings),
    ...userFunctions(random.fork()),
    ...hiddenWrites(random.fork()),
    ...relationReads(random.fork()),
    ...syntax(random.fork(), surroundings),
    ...reading(random.fork()),
    ...dataChanges(random.fork(), surroundings),
    ...schemaChanges(surroundings),
    ...sessionChanges(),
    ...extensionCalls(random.fork()),
    ...(await sweep(client, random.fork())),
  ];
  // Until version 14, what these do comes later, and would be taken for another statement's doing.
  const counted =
    surroundings.major >= 15
      ? all
      : all.filter(({ text }) => !/stat_(statements_)?reset/.test(text));
  const known = new Map<string, Statement>();
  for (const statement of counted) {
    const key = JSON.stringify([statement.as, statement.text]);
    if (!known.has(key)) known.set(key, statement);
  }
  return [...known.values()];
}
