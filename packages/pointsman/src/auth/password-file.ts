import { readFile } from "node:fs/promises";
import { ConfigError } from "../errors.ts";
import type { Auth } from "./auth.ts";

/**
 * Authentication by a password in a file, such as a mounted secret. It is read for each new
 * connection, so a rotated one is used at once; one line break at its end does not count.
 *
 * @param path - of the file
 * @throws ConfigError for an empty path
 *
 * @example
 * ```ts
 * import { createPool, passwordFile } from "pointsman";
 *
 * const pool = createPool({
 *   host: "db.internal",
 *   user: "app",
 *   auth: passwordFile("/run/secrets/db-password"),
 * });
 * ```
 */
export function passwordFile(path: string): Auth {
  if (typeof path !== "string" || path === "") {
    throw new ConfigError("auth", "passwordFile() needs the path of a file.");
  }
  const read = async (): Promise<string> => (await readFile(path, "utf8")).replace(/\r?\n$/, "");
  return {
    name: "passwordFile",
    password: read,
    refused: () => ({
      // It may have been replaced between the reading and the refusal.
      retry: true,
      explanation: `The password is the one in ${path}. Is it the current one, and for this user?`,
    }),
  };
}
