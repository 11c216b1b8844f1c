import { ClusterState } from "./cluster-state.ts";

/**
 * The clusters that this process talks to. On the global object, so that the ESM copy and the
 * CommonJS copy in one process share them. The version in the key changes with their shape.
 */
const home = Symbol.for("pointsman.clusters.v1");

function clusters(): Map<string, ClusterState> {
  const holder = globalThis as { [home]?: Map<string, ClusterState> };
  holder[home] ??= new Map();
  return holder[home];
}

/** The cluster of one pool: that of its writer endpoint, until its system identifier is known. */
export class KnownCluster {
  #state: ClusterState;
  readonly #database: string;

  /** @param writer - `host:port` of the writer */
  constructor(writer: string, database: string | undefined) {
    this.#database = database ?? "";
    this.#state = entry(`${writer}/${this.#database}`);
  }

  get state(): ClusterState {
    return this.#state;
  }

  /** The system identifier is known: under whatever name it was reached, it is one cluster. */
  identify(system: string): void {
    const before = this.#state;
    if (before.system === system) return;
    const known = clusters();
    const key = `${system}/${this.#database}`;
    const same = known.get(key);
    if (before.system === undefined && same === undefined) {
      before.system = system;
      known.set(key, before);
      return;
    }
    // Another name has led here before, or this name leads elsewhere now.
    const next = same ?? new ClusterState();
    next.system = system;
    known.set(key, next);
    if (next === before) return;
    next.readerPools += before.readerPools;
    if (before.system === undefined) next.line.join(before.line);
    else next.line.lose();
    this.#state = next;
  }
}

function entry(key: string): ClusterState {
  const known = clusters();
  let state = known.get(key);
  if (state === undefined) {
    state = new ClusterState();
    known.set(key, state);
  }
  return state;
}
