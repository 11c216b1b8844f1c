import { join } from "node:path";
import type { Account } from "./account.ts";
import type { Binaries } from "./binaries.ts";
import type { ClusterConfig } from "./options.ts";
import type { Owner } from "./owner.ts";
import type { Watchdog } from "./watchdog.ts";

/** What does not change while a cluster lives. */
export interface Site {
  readonly config: ClusterConfig;
  readonly binaries: Binaries;
  readonly account: Account | undefined;
  /** Everything on disk is in here. */
  readonly folder: string;
  readonly watchdog: Watchdog;
}

/** Where a server has its data. */
export function dataOf({ folder }: Site, name: string): string {
  return join(folder, name);
}

/** Where a server's log is. */
export function logOf({ folder }: Site, name: string): string {
  return join(folder, `${name}.log`);
}

/** Who owns what is on disk, for programs that work there. */
export function ownerOf({ account, folder, watchdog }: Site): Owner & { folder: string } {
  return {
    account,
    folder,
    onStart: (pid) => watchdog.started(pid),
    onEnd: (pid) => watchdog.ended(pid),
  };
}
