import { type Increase, perSecond } from "./increase.ts";
import type { Sample } from "./reading.ts";
import { samplesOf, sumsBy } from "./samples.ts";

export interface ServerFigures {
  readonly role: string;
  readonly endpoint: string;
  /** Absent as long as there is one reading only, as are all rates. */
  readonly perSecond?: number | undefined;
  /** Of all statements, 0 to 1. */
  readonly share: number;
  readonly lagMs?: number | undefined;
  /** Of a reader: whether all pools try new connections to it, or some; absent: nobody says. */
  readonly available?: "yes" | "some" | "no" | undefined;
}

/** What was read, and what of it is new: since the last reading, and since one longer ago. */
interface Read {
  readonly all: readonly Sample[];
  readonly recent: Increase | undefined;
  readonly window: Increase | undefined;
}

/** A reader that is behind by as much needs to be looked at, in milliseconds. */
const muchLagMs = 1000;

export const lagsMuch = ({ lagMs = 0 }: Pick<ServerFigures, "lagMs">): boolean =>
  lagMs >= muchLagMs;

/** How much a server needs to be looked at: the least number first. */
function urgency({ role, endpoint, available, lagMs }: ServerFigures): number {
  if (role === "writer") return 0;
  if (available === "no" || endpoint === "") return 1;
  if (available === "some") return 2;
  return lagsMuch({ lagMs }) ? 3 : 4;
}

/** Whether it must be seen, whatever else there is: the writer, and what is not as it should be. */
export const mustBeSeen = (server: ServerFigures): boolean => urgency(server) < 4;

const nowhere = "(none was reached)";

/**
 * The writer first, then the readers that need to be looked at, then the others by name; what no
 * connection was reached for has no name.
 */
export function serversOf({ all, recent, window }: Read): readonly ServerFigures[] {
  const answered = samplesOf(recent?.samples ?? all, statements);
  const counts = sumsBy(answered, keyOf);
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const health = healthIn(all);
  return listed({ all, recent, window })
    .map((key): ServerFigures => {
      const [role = "", endpoint = ""] = key.split("\0");
      const count = counts.get(key) ?? 0;
      return {
        role,
        endpoint,
        perSecond: recent === undefined ? undefined : perSecond(count, recent.millis),
        share: total === 0 ? 0 : count / total,
        ...(role === "reader" ? health(endpoint) : {}),
      };
    })
    .sort((a, b) => urgency(a) - urgency(b) || a.endpoint.localeCompare(b.endpoint))
    .map((server) => ({ ...server, endpoint: server.endpoint || nowhere }));
}

const statements = "pointsman_statements_total";
const available = "pointsman_reader_available";
const lag = "pointsman_reader_lag_seconds";

const keyOf = ({ role = "", endpoint = "" }: Sample["labels"]): string => `${role}\0${endpoint}`;

/**
 * Those that are there. Counters have all that ever answered: of these one counts as gone that has
 * answered nothing of late, unless it is a reader that the pools tell of, or the writer as far as
 * anybody knows.
 */
function listed({ all, window }: Read): readonly string[] {
  const ofLate = sumsBy(samplesOf(window?.samples ?? all, statements), keyOf);
  const isActive = (key: string): boolean => (ofLate.get(key) ?? 0) > 0;
  const counted = samplesOf(all, statements).map(({ labels }) => keyOf(labels));
  const writers = counted.filter((key) => key.startsWith("writer\0") && !key.endsWith("\0"));
  const known = [
    ...counted.filter(isActive),
    ...(writers.some(isActive) ? [] : writers),
    // Of several servers behind one endpoint the others have names of their own.
    ...[...samplesOf(all, available), ...samplesOf(all, lag)].map(
      ({ labels: { endpoint = "" } }) => `reader\0${endpoint}`,
    ),
  ];
  return [...new Set(known)];
}

type Health = Pick<ServerFigures, "available" | "lagMs">;

function healthIn(all: readonly Sample[]): (endpoint: string) => Health {
  const says = samplesOf(all, available);
  const lags = samplesOf(all, lag);
  const of = (samples: readonly Sample[], endpoint: string): number[] =>
    samples.filter(({ labels }) => labels["endpoint"] === endpoint).map(({ value }) => value);
  return (endpoint) => {
    const told = of(says, endpoint);
    const yes = told.filter((value) => value > 0).length;
    const [first, ...more] = of(lags, endpoint);
    return {
      available:
        told.length === 0 ? undefined : yes === told.length ? "yes" : yes > 0 ? "some" : "no",
      lagMs:
        first === undefined
          ? undefined
          : 1000 * more.reduce((most, seconds) => Math.max(most, seconds), first),
    };
  };
}
