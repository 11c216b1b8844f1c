import { bad, type Finding, look, ok, skipped } from "../finding.ts";
import { ask, type Visit } from "../visit.ts";

/** Room for connections on one server. */
export interface Room {
  readonly most: number;
  readonly reserved: number;
}

/** Whether the pools of one process fit into what a server lets in. */
export async function checkConnections(visits: readonly Visit[]): Promise<Finding> {
  const rooms: Room[] = [];
  for (const visit of visits) {
    if (visit.client === undefined) continue;
    rooms.push(
      await ask<Room>(
        visit,
        `select current_setting('max_connections')::int as most,
           current_setting('superuser_reserved_connections')::int
             + coalesce(current_setting('reserved_connections', true), '0')::int as reserved`,
      ),
    );
  }
  const max = (side: "writer" | "reader"): number | undefined =>
    visits.find(({ endpoint }) => endpoint.side === side)?.endpoint.max;
  const [writer, reader] = [max("writer"), max("reader")];
  // In a service that must not write there may be none of the writer's.
  return writer === undefined
    ? judgeConnections(rooms, reader ?? 0, undefined)
    : judgeConnections(rooms, writer, reader);
}

/** @param reader all readers together; absent where there is none */
export function judgeConnections(
  rooms: readonly Room[],
  writer: number,
  reader: number | undefined,
): Finding {
  const [smallest] = rooms.toSorted((a, b) => a.most - a.reserved - (b.most - b.reserved));
  if (smallest === undefined) return skipped("not compared, since there was no login");
  const { most, reserved } = smallest;
  const sum = writer + (reader ?? 0);
  const free = most - reserved;
  const pools = reader === undefined ? `${writer}` : `${writer} + ${reader}`;
  const found = `one process opens up to ${pools} of ${free} (max_connections ${most}, ${reserved} reserved)`;
  const lower = `Lower DATABASE_POOL_MAX${reader === undefined ? "" : " and DATABASE_READER_POOL_MAX"}, or raise max_connections.`;
  if (sum > free) {
    const why = reader === undefined ? "" : " After a failover one server may have to serve both.";
    return bad(found, lower + why);
  }
  if (sum > free / 2) {
    return look(found, `A second process would not fit, nor would a rolling deployment. ${lower}`);
  }
  return ok(found);
}
