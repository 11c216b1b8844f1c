import { environmentSwitch } from "./environment-switch.ts";
import type { CatalogOptions } from "./options.ts";

/** How often the catalog is looked at, in milliseconds, when nothing says that it has changed. */
const defaultRefresh = 60_000;

/** How the catalog of a database is kept. */
export interface CatalogSettings {
  readonly refreshMillis: number;
}

/** @returns `undefined`: the database is not asked */
export function readCatalogOptions(
  option: boolean | CatalogOptions | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): CatalogSettings | undefined {
  const given = option ?? environmentSwitch("DATABASE_CATALOG", environment) ?? true;
  if (given === false) return undefined;
  const { refreshMillis = defaultRefresh } = given === true ? {} : given;
  return Object.freeze({ refreshMillis });
}
