import { type Finding, look, ok } from "../finding.ts";
import { ask, type Visit } from "../visit.ts";

const oldest = 14;

/** Whether the server is of a version that is supported. */
export async function checkVersion(visit: Visit): Promise<Finding> {
  const { version, number } = await ask<{ version: string; number: number }>(
    visit,
    "select current_setting('server_version') as version, current_setting('server_version_num')::int as number",
  );
  return judgeVersion(version, number);
}

/** @param number such as 140011 for 14.11 */
export function judgeVersion(version: string, number: number): Finding {
  const found = `PostgreSQL ${version}`;
  if (number >= oldest * 10_000) return ok(found);
  return look(
    found,
    `Versions before ${oldest} are not tested with Pointsman. Upgrade the server.`,
  );
}
