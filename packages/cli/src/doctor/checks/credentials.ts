import { isLibraryError, reasonOf } from "../../errors.ts";
import { bad, badBy, type Finding, look, ok } from "../finding.ts";
import type { Visit } from "../visit.ts";

/** Whether there is somebody to make passwords as. */
export async function checkCredentials(visit: Visit): Promise<Finding> {
  const { auth } = visit.endpoint;
  if (auth === undefined) return ok("none needed: there is no auth");
  if (auth.describe === undefined) return ok(`${auth.name ?? "auth"} does not tell`);
  let facts: Readonly<Record<string, string>>;
  try {
    facts = await auth.describe(visit.endpoint);
  } catch (error) {
    if (isLibraryError(error)) return badBy(error);
    return bad(
      reasonOf(error),
      "Give this process an AWS identity: the platform's own (pod identity, IRSA, a task role, an instance profile), aws sso login with AWS_PROFILE, or keys in the environment. aws sts get-caller-identity tells what there is.",
    );
  }
  const { region } = facts;
  if (region !== undefined && /^[a-z0-9-]+$/.test(region)) visit.region = region;
  const found = Object.entries(facts)
    .map(([name, value]) => `${name} ${value}`)
    .join(", ");
  const end = new Date(facts["credentials end"] ?? Number.NaN);
  if (Number.isNaN(end.getTime())) return ok(found);
  visit.credentialsEnd = end;
  const left = end.getTime() - Date.now();
  if (left <= 0) {
    return bad(
      found,
      "They have ended. Renew them (aws sso login), or check the clock of this machine.",
    );
  }
  if (left < 60_000) {
    return look(found, "They end within a minute, and tokens end with them. Are they renewed?");
  }
  return ok(found);
}
