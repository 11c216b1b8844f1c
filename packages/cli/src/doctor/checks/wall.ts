import type { Finding } from "../finding.ts";
import { skipped } from "../finding.ts";
import type { Visit } from "../visit.ts";
import { judgeWall } from "../wall/judge-wall.ts";
import { readWall } from "../wall/read.ts";

/** Whether the database itself refuses what a service that must not write might write. */
export async function checkWall(visit: Visit): Promise<Finding> {
  const { client, allowedWrites } = visit;
  if (client === undefined || allowedWrites === undefined) return skipped("not asked for");
  visit.wall = await readWall(client, allowedWrites);
  return judgeWall(visit.wall);
}
