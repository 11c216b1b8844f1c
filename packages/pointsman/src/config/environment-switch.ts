import { wrong } from "./validate.ts";

/**
 * A variable of the environment that turns something on or off.
 *
 * @returns `undefined` where it is absent or empty
 * @throws ConfigError for anything else than `1`, `true`, `0` and `false`
 */
export function environmentSwitch(
  name: string,
  environment: Readonly<Record<string, string | undefined>>,
): boolean | undefined {
  const text = environment[name]?.trim().toLowerCase();
  if (text === undefined || text === "") return undefined;
  if (text === "1" || text === "true") return true;
  if (text === "0" || text === "false") return false;
  throw wrong(name, environment[name], "1 or true, 0 or false");
}
