import { codeOf } from "../../errors.ts";
import { bad, type Finding, ok, skipped } from "../finding.ts";
import { ask, type Visit } from "../visit.ts";

/** Whether all endpoints lead to servers of one database cluster. */
export async function checkSameCluster(visits: readonly Visit[]): Promise<Finding> {
  const [writer, ...readers] = visits;
  if (writer === undefined || readers.length === 0) {
    const missing = writer?.endpoint.side === "reader" ? "DATABASE_URL" : "DATABASE_READER_URL";
    return ok(`there is only one side: ${missing} is not set`);
  }
  const ofWriter = await systemIdentifier(writer);
  if (ofWriter === undefined) return skipped(untold(writer));
  const silent: Visit[] = [];
  for (const reader of readers) {
    const ofReader = await systemIdentifier(reader);
    if (ofReader === undefined) {
      silent.push(reader);
    } else if (ofReader !== ofWriter) {
      return bad(
        `${reader.endpoint.name} belongs to another cluster than ${writer.endpoint.name} (system identifiers ${ofReader} and ${ofWriter})`,
        "Reads would come from other data. Give the reader endpoint of the writer's own cluster as DATABASE_READER_URL.",
      );
    }
  }
  const [first] = silent;
  if (first !== undefined) return skipped(untold(first));
  const where = writer.endpoint.side === "writer" ? "on both sides" : "everywhere";
  return ok(`one and the same ${where} (system identifier ${ofWriter})`);
}

function untold({ endpoint, client }: Visit): string {
  return client === undefined
    ? `not compared, since there was no login to ${endpoint.name}`
    : `not compared: ${endpoint.name} does not tell its system identifier`;
}

/** `undefined` where the server does not tell it. */
export async function systemIdentifier(visit: Visit): Promise<string | undefined> {
  if (visit.client === undefined) return undefined;
  try {
    const { id } = await ask<{ id: string }>(
      visit,
      "select system_identifier::text as id from pg_control_system()",
    );
    return id;
  } catch (error) {
    const code = codeOf(error);
    if (code === "42501" || code === "42883" || code === "0A000") return undefined;
    throw error;
  }
}
