import { errorCodes } from "../errors.ts";
import type { Labels, MetricName } from "./metrics.ts";

/**
 * The labels besides `error` whose values are no closed list: endpoints come and go with servers and
 * the addresses of a host, and PostgreSQL has hundreds of commands.
 */
const openLabels = ["endpoint", "operation"] as const;

/** How many values each of them has in one metric. */
const mostValues = 100;

/**
 * How many series of one metric tell which error there was: codes may be an application's own. Those
 * of this library are a closed list, and always told.
 */
const mostFailures = 1000;

/** What the values are told as for which there is no room. */
export const other = "other";

/**
 * Bounds how many series metrics have, for those who keep them as long as the process lives. What
 * was told by its name always is, so that no counter goes backwards; an empty label stays empty, so
 * that no success becomes an error.
 */
export class BoundedLabels {
  readonly #told = new Map<string, Set<string>>();

  /** These labels, with {@link other} in place of values for which there is no room. */
  of(name: MetricName, labels: Labels): Labels {
    let bounded = labels;
    for (const label of openLabels) {
      const { [label]: value = "" } = labels;
      if (value === "" || this.#hasRoom(`${name} ${label}`, value, mostValues)) continue;
      bounded = { ...bounded, [label]: other };
    }
    const { error = "" } = labels;
    if (error === "" || Object.hasOwn(errorCodes, error)) return bounded;
    const series = Object.values(bounded).join("\0");
    if (this.#hasRoom(`${name} error`, series, mostFailures)) return bounded;
    return { ...bounded, error: other };
  }

  #hasRoom(where: string, what: string, most: number): boolean {
    const told = this.#told.get(where) ?? new Set<string>();
    if (told.has(what)) return true;
    if (told.size >= most) return false;
    this.#told.set(where, told.add(what));
    return true;
  }
}
