import { bad, type Finding, look, ok, skipped } from "../finding.ts";
import { ask, type Visit } from "../visit.ts";

/** What may be off before it is worth a look, and before tokens are refused, in milliseconds. */
const fewMillis = 30_000;
const mostMillis = 5 * 60_000;
/** No credentials of a role live longer than this, in milliseconds. */
const longestRoleMillis = 36 * 3_600_000;

/** In a network that does not lead to AWS, nobody answers. */
const awsTimeoutMillis = 3000;

const remedy = "Let this machine keep its clock by NTP (timedatectl, chronyc tracking).";

/** Whether this machine and the server agree about the time, which tokens and certificates need. */
export async function checkClock(visit: Visit, signal?: AbortSignal): Promise<Finding> {
  if (visit.client === undefined) {
    const guess = guessFromDates(visit, Date.now());
    // The clock may be why there was no login, which nothing else would tell then.
    return guess.mark === "skipped" ? ((await compareWithAws(visit, signal)) ?? guess) : guess;
  }
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

/** AWS tells its time in every answer, also in one that refuses. Nothing is signed or sent. */
async function compareWithAws(
  { endpoint, region, environment }: Visit,
  signal: AbortSignal | undefined,
): Promise<Finding | undefined> {
  if (endpoint.auth?.name !== "IAM") return undefined;
  const url = environment["AWS_ENDPOINT_URL_STS"] || (region && stsIn(region));
  if (!url) return undefined;
  const before = Date.now();
  let date: string | null;
  try {
    const soon = AbortSignal.timeout(awsTimeoutMillis);
    const answer = await fetch(url, {
      method: "HEAD",
      redirect: "manual",
      signal: signal === undefined ? soon : AbortSignal.any([soon, signal]),
    });
    date = answer.headers.get("date");
  } catch {
    return undefined;
  }
  const now = Date.now();
  const aws = Date.parse(date ?? "");
  if (Number.isNaN(aws)) return undefined;
  // It has whole seconds.
  const finding = judgeClock((before + now) / 2 - aws - 500, now - before + 1000, true);
  return { ...finding, found: finding.found.replace("the server's", "that of AWS") };
}

function stsIn(region: string): string {
  return `https://sts.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}/`;
}

function duration(millis: number): string {
  if (millis < 1000) return `${Math.round(millis)} ms`;
  const seconds = Math.round(millis / 1000);
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} minutes`;
}
