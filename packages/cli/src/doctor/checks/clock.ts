import { bad, type Finding, look, ok, skipped } from "../finding.ts";
import { ask, type Visit } from "../visit.ts";

/** What may be off before it is worth a look, and before tokens are refused, in milliseconds. */
const fewMillis = 30_000;
const mostMillis = 5 * 60_000;
/** No credentials of a role live longer than this, in milliseconds. */
const longestRoleMillis = 36 * 3_600_000;

const remedy = "Let this machine keep its clock by NTP (timedatectl, chronyc tracking).";

/** Whether this machine and the server agree about the time, which tokens and certificates need. */
export async function checkClock(visit: Visit): Promise<Finding> {
  if (visit.client === undefined) return guessFromDates(visit, Date.now());
  const before = Date.now();
  const { server } = await ask<{ server: number }>(
    visit,
    "select (extract(epoch from clock_timestamp()) * 1000)::float8 as server",
  );
  const tripMillis = Date.now() - before;
  return judgeClock(
    before + tripMillis / 2 - server,
    tripMillis,
    visit.endpoint.auth !== undefined,
  );
}

/** @param aheadMillis how far this machine's clock is ahead of the server's */
export function judgeClock(aheadMillis: number, tripMillis: number, signsTokens: boolean): Finding {
  const off = Math.abs(aheadMillis);
  const found = `${duration(off)} ${aheadMillis > 0 ? "ahead of" : "behind"} the server's`;
  if (off > mostMillis && signsTokens) return bad(found, `${remedy} Tokens are refused for this.`);
  if (off > fewMillis) return look(found, remedy);
  // Half of the way there and back is all that can be told.
  return ok(off <= tripMillis / 2 + 1 ? "agrees with the server's" : found);
}

/** Without a login, the dates in certificate and credentials tell when it is far off. */
export function guessFromDates(
  { certificate, credentialsEnd }: Pick<Visit, "certificate" | "credentialsEnd">,
  now: number,
): Finding {
  const not = "not compared, since there was no login";
  const end = credentialsEnd?.getTime();
  if (end !== undefined && end <= now) {
    return look(`${not}; AWS credentials that have ended suggest that it is fast`, remedy);
  }
  if (end !== undefined && end - now > longestRoleMillis) {
    return look(`${not}; AWS credentials that live too long suggest that it is slow`, remedy);
  }
  if (certificate?.problem === "CERT_NOT_YET_VALID") {
    return look(`${not}; a certificate of the future suggests that it is slow`, remedy);
  }
  if (certificate?.problem === "CERT_HAS_EXPIRED") {
    return look(`${not}; a certificate that has ended may mean that it is fast`, remedy);
  }
  return skipped(not);
}

function duration(millis: number): string {
  if (millis < 1000) return `${Math.round(millis)} ms`;
  const seconds = Math.round(millis / 1000);
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} minutes`;
}
