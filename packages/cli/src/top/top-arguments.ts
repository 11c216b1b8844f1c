import { parseArgs } from "node:util";

export interface TopCommand {
  readonly kind: "top";
  /** A directory, a socket, or a URL; `undefined`: what the environment says. */
  readonly source: string | undefined;
  readonly intervalMillis: number;
  /** Whether one frame is enough. */
  readonly once: boolean;
  readonly json: boolean;
  readonly noColor: boolean;
}

/** What was asked of `top`, or the sentence that says why that is not understood. */
export type TopRequest =
  | TopCommand
  | { readonly kind: "help"; readonly text: string }
  | { readonly kind: "mistake"; readonly message: string };

const TOP_HELP = `Usage: pointsman top [options] [SOURCE]

Shows what the pools of a running application do, live: statements per second by
server, why they went there, latencies, connections, lag, freshness, and the
statements that take the most time.

SOURCE is
  a directory   the one that the application has as statsSocket
                (DATABASE_STATS_SOCKET): all its processes are summed
  a socket      one of those in it: one pool alone
  a URL         http://host:port/metrics, what the application tells Prometheus;
                texts of statements are not among that
It is DATABASE_STATS_SOCKET where it is left out.

Options:
  --interval SECONDS  how often it looks, 0.1 to 3600 (default: 1)
  --once              print one frame as plain text, and exit; it is the same
                      where the output is no terminal
  --json              the same as one JSON object
  --no-color          no colour
  --help, -h          print this

Keys:
  q, Esc, Ctrl-C   quit
  p                pause, and go on

Environment:
  DATABASE_STATS_SOCKET  the directory, as the application has it
  NO_COLOR               when set, no colour

Exit status: 0; 1 when the source cannot be read at the start, or is gone at the
end of --once; 2 when options or environment make no sense; 128+n when signal n
has ended it.

Examples:
  pointsman top /run/shop
  pointsman top --interval 5 http://localhost:9464/metrics
  pointsman top --once | less
`;

/** Reads what stands behind `pointsman top`. What parseArgs throws is for the caller. */
export function parseTop(args: readonly string[]): TopRequest {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      help: { type: "boolean", short: "h" },
      interval: { type: "string" },
      once: { type: "boolean" },
      json: { type: "boolean" },
      "no-color": { type: "boolean" },
    },
  });
  if (values.help) return { kind: "help", text: TOP_HELP };
  const { interval = "1", once = false, json = false, "no-color": noColor = false } = values;
  const [source] = positionals;
  if (positionals.length > 1) {
    return mistake("There is one SOURCE: a directory has the sockets of all processes.");
  }
  if (source === "") return mistake("SOURCE is a directory, a socket or a URL, and not empty.");
  const seconds = interval.trim() === "" ? Number.NaN : Number(interval);
  if (!(seconds >= 0.1 && seconds <= 3600)) {
    return mistake(`--interval takes seconds, 0.1 to 3600, not ${JSON.stringify(interval)}.`);
  }
  return { kind: "top", source, intervalMillis: seconds * 1000, once, json, noColor };
}

function mistake(message: string): TopRequest {
  return { kind: "mistake", message };
}
