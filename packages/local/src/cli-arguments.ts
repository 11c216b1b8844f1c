import { parseArgs } from "node:util";
import type { ClusterOptions } from "./options.ts";

/** What the command line asks for. */
export type Command =
  | { readonly kind: "help" }
  | { readonly kind: "mistake"; readonly message: string }
  | {
      readonly kind: "start";
      readonly options: ClusterOptions;
      /** Milliseconds; 0 for none. */
      readonly lag: number;
      readonly json: boolean;
    };

export const HELP = `Usage: pointsman-local [options]

Starts a real PostgreSQL cluster on this machine, one writer and readers that
follow it by streaming replication, and prints how to reach it. It runs until
Ctrl-C, and then everything of it is gone: servers, files, data.

Options:
  --readers N       how many readers follow the writer, 0 to 15 (default: 1)
  --lag MS          readers apply each commit this many milliseconds late
                    (default: 0), to see what an application makes of it
  --port-base P     fixed ports: P the writer endpoint, P+1 the reader endpoint,
                    P+2 and up the instance endpoints (default: any free ports)
  --password TEXT   a fixed password (default: a random one); together with
                    --port-base the URLs stay the same from run to run
  --iam             put a gateway in front where a user logs in as on RDS with IAM
                    authentication, over TLS, and print what an application
                    needs for it, throw-away secrets included; with --port-base,
                    its ports are those after the others
  --aurora          look like Aurora to clients: functions of the WAL are refused, and
                    aurora_replica_status() and its like are there
  --pg VERSION      the major version of PostgreSQL, if it is installed
                    (default: the one that comes with this package)
  --bin DIR         run the PostgreSQL in this folder, the one with initdb in it
  --json            print one line of JSON instead of text
  --help            print this

Environment:
  POINTSMAN_PG_BIN  what --bin is when neither --bin nor --pg is given
  NO_COLOR          when set, no colour

Examples:
  npx pointsman-local --readers 2
  npx pointsman-local --port-base 6000 --password secret
  npx pointsman-local --pg 14 --lag 500
  npx pointsman-local --iam

The readers' endpoint is printed as DATABASE_READER_URL. It leads each new
connection to the next reader, as RDS's reader endpoint does.
`;

/**
 * Reads the command line. It never throws: what is wrong with it comes back as one sentence.
 *
 * @param args without the program: `process.argv.slice(2)`
 */
export function parseCommand(args: readonly string[]): Command {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        readers: { type: "string" },
        lag: { type: "string" },
        "port-base": { type: "string" },
        password: { type: "string" },
        pg: { type: "string" },
        bin: { type: "string" },
        iam: { type: "boolean" },
        aurora: { type: "boolean" },
        json: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    });
    if (values.help) return { kind: "help" };
    if (values.pg !== undefined && values.bin !== undefined) {
      return mistake("--pg and --bin both choose the PostgreSQL: give one of them.");
    }
    return {
      kind: "start",
      options: {
        readers: wholeNumber("--readers", values.readers),
        portBase: wholeNumber("--port-base", values["port-base"]),
        password: values.password,
        version: values.pg,
        bin: values.bin,
        iam: values.iam,
        aurora: values.aurora,
      },
      lag: wholeNumber("--lag", values.lag) ?? 0,
      json: values.json ?? false,
    };
  } catch (error) {
    return mistake(error instanceof Error ? error.message : String(error));
  }
}

function wholeNumber(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new RangeError(`${flag} takes a whole number, not ${JSON.stringify(text)}.`);
}

function mistake(message: string): Command {
  // parseArgs explains at length; the first sentence says it.
  const line = message.split(". ")[0] ?? message;
  return { kind: "mistake", message: line.endsWith(".") ? line : `${line}.` };
}
