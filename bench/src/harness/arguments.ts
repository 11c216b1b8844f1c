import { parseArgs } from "node:util";
import { defaultRounds, quickRounds } from "./effort.ts";

/** What the command line asked for. */
export type Request =
  | { readonly kind: "help" }
  | { readonly kind: "list" }
  | { readonly kind: "run"; readonly name: string; readonly options: RunOptions };

export interface RunOptions {
  /** File for the results; absent: none is written. */
  readonly json?: string | undefined;
  /** Folder for a CPU profile of each measured process; absent: none is taken. */
  readonly profile?: string | undefined;
  /** Slices of each contender in each comparison; absent: as many as the benchmark wants. */
  readonly rounds?: number | undefined;
  /** Only see that it works: its numbers mean nothing. */
  readonly quick: boolean;
  /** What the name of a comparison, or of what is counted, must have in it. Absent: nothing. */
  readonly only?: string | undefined;
  /** The contender that is counted. Absent: all. */
  readonly contender?: string | undefined;
}

export const usage = `Usage: npm run bench -- NAME [options]

NAME is a benchmark of bench/src, or the path of a file that exports one.

  --json FILE   write machine, results and goals to FILE
  --rounds N    slices of each contender in each comparison (default ${defaultRounds}, or what the
                benchmark says)
  --profile DIR write a CPU profile of each measured process to DIR
  --only TEXT   only the comparisons, and what is counted, with TEXT in their name
  --contender N of what is counted, only the contender of this name
  --quick       a short run to see that it works (${quickRounds} rounds); its numbers mean nothing
  --list        name the benchmarks
  --help        show this text

Environment:
  POINTSMAN_BENCH_PGPOOL  the path of pgpool-II's program, if throughput is to measure it
  POINTSMAN_BENCH_BASE    a folder with another build of the package, if telemetry is to measure
                          this one against it
`;

/** A mistake of whoever typed the command. */
export class UsageError extends Error {}

/** @throws UsageError with what is wrong */
export function parseArguments(words: readonly string[]): Request {
  const { values, positionals } = parse(words);
  if (values.help === true) return { kind: "help" };
  if (values.list === true) return { kind: "list" };
  const [name, ...others] = positionals;
  if (name === undefined) throw new UsageError("Which benchmark? Give one name.");
  if (others.length > 0) throw new UsageError(`One benchmark at a time: ${others[0]} is too many.`);
  const quick = values.quick === true;
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
  if (rounds !== undefined && (!Number.isInteger(rounds) || rounds < 1)) {
    throw new UsageError(`--rounds is ${values.rounds}: give a whole number from 1 on.`);
  }
  return {
    kind: "run",
    name,
    options: {
      json: values.json,
      profile: values.profile,
      rounds,
      quick,
      only: values.only,
      contender: values.contender,
    },
  };
}

function parse(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      allowPositionals: true,
      options: {
        json: { type: "string" },
        profile: { type: "string" },
        rounds: { type: "string" },
        only: { type: "string" },
        contender: { type: "string" },
        quick: { type: "boolean" },
        list: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
