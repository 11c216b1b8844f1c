import { isLibraryError, reasonOf } from "../../errors.ts";
import { bad, badBy, type Finding, ok } from "../finding.ts";
import type { Visit } from "../visit.ts";

/** Whether there is a password to log in with, or one can be made. */
export async function checkPassword({
  endpoint,
  password: configured,
  environment,
  secrets,
}: Visit): Promise<Finding> {
  const { auth } = endpoint;
  if (auth === undefined) {
    if (configured === undefined) return ok("none given: the password file is asked, if any");
    return ok(configured === environment["PGPASSWORD"] ? "from PGPASSWORD" : "from the URL");
  }
  const name = auth.name ?? "auth";
  try {
    const start = performance.now();
    const password = await auth.password(endpoint);
    secrets.add(password);
    return ok(`made by ${name} in ${Math.round(performance.now() - start)} ms`);
  } catch (error) {
    if (isLibraryError(error)) return badBy(error);
    return bad(`could not be made: ${reasonOf(error)}`, `Check what ${name} makes it from.`);
  }
}
