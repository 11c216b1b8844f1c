import { bad, type Finding, ok } from "../finding.ts";
import { ask, type Visit } from "../visit.ts";

/** Whether a transaction can write where it should, and cannot where it should not. */
export async function checkReadOnly(visit: Visit): Promise<Finding> {
  const { byDefault } = await ask<{ byDefault: boolean }>(
    visit,
    `select current_setting('default_transaction_read_only')::bool as "byDefault"`,
  );
  const side = visit.allowedWrites?.length === 0 ? "reader" : visit.endpoint.side;
  return judgeReadOnly(side, visit.isStandby === true, byDefault);
}

export function judgeReadOnly(
  side: "writer" | "reader",
  standby: boolean,
  byDefault: boolean,
): Finding {
  if (standby) return ok("read-only, as a standby is");
  if (side === "reader") {
    if (byDefault) return ok("read-only by default_transaction_read_only");
    // Its role has said already that this is not as it should be.
    return ok("can be written to, as this is a writer");
  }
  if (!byDefault) return ok("can be written to");
  return bad(
    "read-only: default_transaction_read_only is on",
    "Writes will be refused. Find who has set it (select * from pg_db_role_setting; parameters of the server, PGOPTIONS, options in the URL), and unset it. RDS sets it when the disk is full.",
  );
}
