import { ConfigError } from "../errors.ts";
import type { Auth } from "./auth.ts";
import { iam } from "./iam.ts";

/**
 * Reads the option `auth`, or the variable that gives it.
 *
 * @param name - of the option or variable, for errors
 * @throws ConfigError
 */
export function readAuth(name: string, option: unknown): Auth | undefined {
  if (option === undefined || option === "") return undefined;
  if (option === "iam") return iam();
  if (typeof option === "function") return { password: option as Auth["password"] };
  if (typeof (option as Auth | null)?.password === "function") return option as Auth;
  throw new ConfigError(
    name,
    `${name} must be "iam", iam({ … }), a function that gives a password, or an object with a function password; got ${typeof option === "string" ? JSON.stringify(option) : typeof option}.`,
  );
}
