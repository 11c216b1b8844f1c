import { warn } from "./warnings.ts";

/** The connections to an endpoint lose what is prepared on them. */
export function warnOfForgetfulEndpoint(endpoint: string): void {
  warn(
    "POINTSMAN_PREPARED_LOST",
    `Connections to ${endpoint} keep losing their prepared statements: a pooler such as PgBouncer stands in front of the server, or something runs DISCARD ALL or DEALLOCATE ALL. No statement has failed; nothing is prepared there any more. Say prepare: false (DATABASE_PREPARE=0) to do without from the start.`,
  );
}
