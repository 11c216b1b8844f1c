import { isRdsProxy } from "../auth/rds-host.ts";
import { ConfigError } from "../errors.ts";
import type { LaneSettings, PrepareSettings } from "../servers/lanes/settings.ts";
import { environmentSwitch } from "./environment-switch.ts";
import type { LaneOptions, PrepareOptions } from "./options.ts";

type Environment = Readonly<Record<string, string | undefined>>;
type Numbers = Readonly<Record<string, number | undefined>>;

interface Hosts {
  readonly client: { readonly host?: string | undefined };
}

/** What shares its own connections among clients is no place for either. */
const isProxied = (hosts: readonly Hosts[]): boolean =>
  hosts.some(({ client: { host } }) => host !== undefined && isRdsProxy(host));

/**
 * @param hosts - where the lanes lead
 * @returns `undefined`: there are no lanes
 */
export function readLanes(
  option: boolean | LaneOptions | undefined,
  environment: Environment,
  poolMax: number,
  hosts: readonly Hosts[],
): LaneSettings | undefined {
  const given = option ?? fromEnvironment("DATABASE_LANES", environment, ["max", "depth", "after"]);
  if (given === false || (given === undefined && isProxied(hosts))) return undefined;
  const { max, depth, after } = typeof given === "object" ? given : ({} as LaneOptions);
  return Object.freeze({
    max: Math.min(max ?? Math.max(1, Math.floor(poolMax / 4)), poolMax),
    depth: depth ?? 64,
    after: after ?? 5,
  });
}

/**
 * @param hosts - where statements are prepared
 * @returns `undefined`: nothing is prepared
 */
export function readPrepare(
  option: boolean | PrepareOptions | undefined,
  environment: Environment,
  hosts: readonly Hosts[],
): PrepareSettings | undefined {
  const given = option ?? fromEnvironment("DATABASE_PREPARE", environment, ["max", "after"]);
  if (given === false || (given === undefined && isProxied(hosts))) return undefined;
  const { max, after } = typeof given === "object" ? given : ({} as PrepareOptions);
  return Object.freeze({ max: max ?? 256, after: after ?? 5 });
}

/** A switch (`0`, `1`), or limits such as `depth=2,after=1`. */
function fromEnvironment(
  name: string,
  environment: Environment,
  known: readonly string[],
): boolean | Numbers | undefined {
  const text = environment[name]?.trim() ?? "";
  if (!text.includes("=")) return environmentSwitch(name, environment);
  const numbers = text.split(",").map((part): [string, number] => {
    const [key = "", value = ""] = part.split("=").map((one) => one.trim());
    const least = key === "after" ? 0 : 1;
    const number = value === "" ? Number.NaN : Number(value);
    if (known.includes(key) && Number.isInteger(number) && number >= least) return [key, number];
    throw new ConfigError(
      name,
      `${name} must be 0, 1 or limits such as "${known.map((one) => `${one}=${one === "after" ? 5 : 8}`).join(",")}"; got "${text}".`,
    );
  });
  return Object.fromEntries(numbers);
}
