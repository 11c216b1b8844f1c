import { bad, type Finding, look, ok } from "../finding.ts";
import { ask, type Visit } from "../visit.ts";

/** Whether the endpoint leads to a server of its side. */
export async function checkRole(visit: Visit): Promise<Finding> {
  const { standby } = await ask<{ standby: boolean }>(
    visit,
    "select pg_is_in_recovery() as standby",
  );
  visit.isStandby = standby;
  return judgeRole(visit.endpoint.side, standby, visit.reportedStandby);
}

/** @param reported what the server has told of it unasked, at login */
export function judgeRole(
  side: "writer" | "reader",
  standby: boolean,
  reported: boolean | undefined,
): Finding {
  if (side === "writer") {
    if (!standby) return ok("the writer");
    return bad(
      "this is a reader",
      "Give the writer's endpoint (of an Aurora cluster: the cluster endpoint) as DATABASE_URL. Just after a failover its name may lead to the old writer for a minute.",
    );
  }
  if (standby && reported === true) return ok("a reader");
  if (standby) {
    return look(
      "a reader, which does not report its role (in_hot_standby)",
      "A proxy in between, or PostgreSQL before 14? A failover is then noticed by errors only, a little later.",
    );
  }
  return look(
    "this is a writer, so reads are not taken off it",
    "Give a reader's endpoint (of an Aurora cluster: the one with cluster-ro) as DATABASE_READER_URL. Where there is no reader at all, Aurora's leads to the writer.",
  );
}
