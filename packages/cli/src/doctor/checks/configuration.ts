import { type Finding, look, ok } from "../finding.ts";
import type { Visit } from "../visit.ts";

/** What options and environment have come to. That they can be read at all has been seen before. */
export async function checkConfiguration(visit: Visit): Promise<Finding> {
  const { endpoint, environment } = visit;
  const { user, database, auth, max, side, sslmode, warning } = endpoint;
  const parts = [
    `database ${database}`,
    `user ${user}`,
    auth === undefined ? "no auth" : `auth ${auth.name ?? "of its own"}`,
    sslmode === undefined ? "no TLS" : `sslmode ${sslmode}`,
    `up to ${max} ${max === 1 ? "connection" : "connections"}`,
  ];
  const found = parts.join(", ");
  const { DATABASE_URL, PGHOST } = environment;
  if (side === "writer" && !DATABASE_URL && !PGHOST) {
    return look(
      `nothing is configured: ${found}`,
      "Set DATABASE_URL to the writer's URL, such as postgres://app@db.example.com/shop.",
    );
  }
  if (warning !== undefined) return look(found, warning);
  return ok(found);
}
