import type { ConfiguredEndpoint } from "pointsman/endpoints";
import { codeOf, isLibraryError, reasonOf } from "../../errors.ts";
import { bad, type Finding, ok } from "../finding.ts";
import type { Visit } from "../visit.ts";

/** Opens a connection as the pool would, for the checks after this one. */
export async function checkLogin(visit: Visit, signal: AbortSignal): Promise<Finding> {
  const { endpoint } = visit;
  const start = performance.now();
  try {
    const client = await endpoint.connect();
    if (signal.aborted) {
      await client.end();
      signal.throwIfAborted();
    }
    visit.client = client;
    visit.reportedStandby = (client as { readonly standby?: boolean | undefined }).standby;
    return ok(`as ${endpoint.user} in ${Math.round(performance.now() - start)} ms`);
  } catch (error) {
    if (signal.aborted) throw error;
    return refused(endpoint, error);
  }
}

const remedies: Readonly<Record<string, string>> = {
  "28P01":
    "Check user and password in the URL. Characters such as @ : / # in it must be percent-encoded.",
  "28000":
    "Check the user, and whether the server lets it in from here: with TLS or without, from this address (pg_hba.conf).",
  "3D000": "Check the database in the URL.",
  "53300":
    "All connections of the server are taken. See the check of connections below, and who holds them: select usename, count(*) from pg_stat_activity group by 1.",
  "57P03": "The server is starting, stopping or recovering. Try again in a moment.",
};

function refused({ name }: ConfiguredEndpoint, error: unknown): Finding {
  const reason = reasonOf(error);
  if (isLibraryError(error)) {
    // What the server said, then what was tried and the usual causes.
    const said = error.cause === undefined ? reason : reasonOf(error.cause);
    const at = reason.indexOf(said);
    const rest = at < 0 ? "" : reason.slice(at + said.length).replace(/^[.\s]+/, "");
    return bad(said, rest === "" ? reason : rest);
  }
  if (reason.startsWith("PAM authentication failed")) {
    return bad(
      reason,
      "A user with rds_iam logs in with tokens only: set DATABASE_AUTH=iam, and take the password out of the URL.",
    );
  }
  return bad(reason, remedies[codeOf(error) ?? ""] ?? `The log of ${name} may tell more.`);
}
