import { Mistake, readable } from "../command-line/description.ts";
import { exitStatuses } from "../exit-status.ts";

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

export const topArguments = readable(
  {
    name: "top",
    inShort: "show what a running application does, live",
    summary: "show what the pools of a running application do, live",
    usage: ["[options] [SOURCE]"],
    about: [
      "Shows what the pools of a running application do, live: statements per second by server, why they went there, latencies, connections, lag, freshness, and the statements that take the most time.",
      "SOURCE is DATABASE_STATS_SOCKET where it is left out.",
    ],
    operands: "file",
    options: {
      interval: {
        type: "string",
        value: "SECONDS",
        completes: "nothing",
        says: "how often it looks, 0.1 to 3600 (default: 1)",
      },
      once: {
        type: "boolean",
        says: "print one frame as plain text, and exit; it is the same where the output is no terminal",
      },
      json: { type: "boolean", says: "the same as one JSON object" },
      "no-color": { type: "boolean", says: "no colour" },
    },
    lists: {
      Sources: [
        [
          "a directory",
          "the one that the application has as statsSocket (DATABASE_STATS_SOCKET): all its processes are summed",
        ],
        ["a socket", "one of those in it: one pool alone"],
        [
          "a URL",
          "http://host:port/metrics, what the application tells Prometheus; texts of statements are not among that",
        ],
      ],
      Keys: [
        ["q, Esc, Ctrl-C", "quit"],
        ["p", "pause, and go on"],
      ],
    },
    environment: [
      ["DATABASE_STATS_SOCKET", "the directory, as the application has it"],
      ["NO_COLOR", "when set, no colour"],
    ],
    exitStatuses: exitStatuses.top,
    examples: [
      "pointsman top /run/shop",
      "pointsman top --interval 5 http://localhost:9464/metrics",
      "pointsman top --once | less",
    ],
  },
  ({ values, operands }): TopCommand => {
    const { interval = "1", once = false, json = false, "no-color": noColor = false } = values;
    const [source] = operands;
    if (operands.length > 1) {
      throw new Mistake("There is one SOURCE: a directory has the sockets of all processes.");
    }
    if (source === "") {
      throw new Mistake("SOURCE is a directory, a socket or a URL, and not empty.");
    }
    const seconds = interval.trim() === "" ? Number.NaN : Number(interval);
    if (!(seconds >= 0.1 && seconds <= 3600)) {
      throw new Mistake(`--interval takes seconds, 0.1 to 3600, not ${JSON.stringify(interval)}.`);
    }
    return { kind: "top", source, intervalMillis: seconds * 1000, once, json, noColor };
  },
);
