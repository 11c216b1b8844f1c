import type { Account } from "./account.ts";

/** Who owns the files of a cluster, and hears of the programs that work on them. */
export interface Owner {
  readonly account: Account | undefined;
  /** Told of every process that works in the folder. */
  readonly onStart: (pid: number) => void;
  /** Told when it is gone. */
  readonly onEnd: (pid: number) => void;
}
