import type { ControlConnection } from "../control-connection.ts";
import { identifier } from "../identifier.ts";

type Control = Pick<ControlConnection, "query">;

/** What goes before all else in pg_hba.conf of a server behind the gateway. */
export const HBA_RULES = `# Users with rds_iam come by the gateway only, which has seen their token by then.
local all +rds_iam trust
host all +rds_iam all reject
`;

/** Makes the role that RDS has for this, and a user with it that owns the database. */
export async function createIamUser(
  control: Control,
  { user, database }: { readonly user: string; readonly database: string },
): Promise<void> {
  await control.query(
    `CREATE ROLE rds_iam NOLOGIN;
     CREATE ROLE ${identifier(user)} LOGIN IN ROLE rds_iam;
     ALTER DATABASE ${identifier(database)} OWNER TO ${identifier(user)};`,
  );
}

/**
 * Whether a user has to log in with a token: it is in `rds_iam`, directly or by way of other roles.
 *
 * Not by pg_has_role(), which says of superusers that they are in every role. This is what `+rds_iam`
 * means in pg_hba.conf.
 */
export async function needsToken(control: Control, user: string): Promise<boolean> {
  const [row] = await control.query<{ found: boolean }>(
    `WITH RECURSIVE roles (oid) AS (
       SELECT oid FROM pg_roles WHERE rolname = $1::text
       UNION
       SELECT roleid FROM pg_auth_members JOIN roles ON member = roles.oid
     )
     SELECT EXISTS (SELECT FROM roles JOIN pg_roles USING (oid) WHERE rolname = 'rds_iam') AS found`,
    [user],
  );
  return row?.found === true;
}
