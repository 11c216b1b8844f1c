import type { ClientConfig } from "pg";
import type { Auth } from "../auth/auth.ts";
import { OpeningRate } from "../auth/opening-rate.ts";
import { type Endpoint, type Place, placeName } from "../config/endpoint.ts";
import { reasonFrom } from "../reason-from.ts";
import { ReaderLags } from "./reader-lags.ts";

/** How long it takes at least between two connections that move to another endpoint, in milliseconds. */
const moveMillis = 100;
/** How long an endpoint that is back takes until it has its full share again, in milliseconds. */
const warmUpMillis = 10_000;
/** The part of its share that it has at first. */
const coldShare = 0.2;

/** Hears of an endpoint. */
interface AddressWatch {
  /** It cannot be reached; each time that this is found. */
  readonly failed: (address: EndpointAddress, error: Error) => void;
  /** It is used for new connections no longer, or again; why, in a sentence. */
  readonly turned: (address: EndpointAddress, because: string) => void;
}

/** One endpoint of a side, and how connecting to it has gone. */
export class EndpointAddress {
  readonly name: string;
  readonly client: Readonly<ClientConfig>;
  readonly #weight: number;
  /** It is in this process's own availability zone. */
  readonly isNear: boolean;
  /** When it was readmitted, by `performance.now()`. */
  #backSince = Number.NEGATIVE_INFINITY;
  /** Connections that are open now. */
  open = 0;
  /** Connections that are being opened. */
  opening = 0;
  /** How long the slower ones of the last connections took to be opened, in milliseconds. */
  openingMillis = 0;
  /** Times that connecting has failed since it last worked. */
  failures = 0;
  lastError: Error | undefined;
  /** It is not one of the cluster's any more. */
  gone = false;
  /** Makes the passwords of its connections. */
  readonly auth: Auth | undefined;
  readonly #rate: OpeningRate | undefined;
  readonly #otherwise: Endpoint["otherwise"];
  /** The server did not want TLS as it was configured first. */
  #isOtherwise = false;
  #broken = false;
  readonly #watch: AddressWatch;

  constructor(endpoint: Endpoint, watch: AddressWatch) {
    this.name = endpoint.name;
    this.client = endpoint.client;
    this.#weight = endpoint.weight;
    this.isNear = endpoint.isNear;
    this.auth = endpoint.auth;
    const { connectionsPerSecond = Number.POSITIVE_INFINITY } = endpoint.auth ?? {};
    this.#rate = Number.isFinite(connectionsPerSecond)
      ? new OpeningRate(connectionsPerSecond)
      : undefined;
    this.#otherwise = endpoint.otherwise;
    this.#watch = watch;
  }

  /**
   * Calls `open` when the next connection may be opened, which is mostly now.
   *
   * @returns gives that up
   */
  whenItsTurn(open: () => void): () => void {
    if (this.#rate !== undefined) return this.#rate.wait(open);
    open();
    return () => {};
  }

  /** TLS as the server wants it, where that is not what was configured first. */
  get ssl(): ClientConfig["ssl"] | undefined {
    if (!this.#isOtherwise) return undefined;
    return this.#otherwise === "plain" ? false : this.#otherwise;
  }

  /** Whether a connection failed for its TLS and is worth another attempt, with or without it. */
  turnsFor(error: Error & { code?: string }): boolean {
    if (this.#otherwise === undefined || this.#isOtherwise) return false;
    const refused =
      this.#otherwise === "plain"
        ? error.message === "The server does not support SSL connections"
        : error.code === "28000";
    if (refused) this.#isOtherwise = true;
    return refused;
  }

  /** Whether new connections are worth a try. */
  get available(): boolean {
    return !this.#broken && !this.gone;
  }

  /**
   * What it may have of the connections, against others: its weight, and less while it is just
   * back. A server that has started a moment ago has nothing in its memory yet.
   */
  get share(): number {
    const since = performance.now() - this.#backSince;
    if (since >= warmUpMillis) return this.#weight;
    return this.#weight * (coldShare + ((1 - coldShare) * since) / warmUpMillis);
  }

  /** It can be reached again. */
  readmit(): void {
    const { lastError } = this;
    const wasBroken = this.#broken;
    this.#broken = false;
    this.failures = 0;
    this.lastError = undefined;
    if (!wasBroken) return;
    this.#backSince = performance.now();
    if (!this.gone) this.#watch.turned(this, backSince(lastError));
  }

  opened(): void {
    this.opening -= 1;
    this.open += 1;
    // Not of one that is behind: that a server lets connections in says nothing then.
    if (!(this.lastError instanceof ReaderLags)) this.readmit();
  }

  /** A connection was opened in so many milliseconds. */
  took(millis: number): void {
    this.openingMillis = Math.max(millis, this.openingMillis * 0.9);
  }

  /** It failed, and is tried once more at once. */
  repeated(): void {
    this.opening -= 1;
  }

  closed(): void {
    this.open -= 1;
  }

  failed(error: Error): void {
    this.opening -= 1;
    this.vanished(error);
  }

  /** Connections that were open lead nowhere any more. */
  vanished(error: Error): void {
    this.failures += 1;
    this.lastError = error;
    const wasAvailable = this.available;
    this.#broken = true;
    if (wasAvailable) this.#watch.turned(this, outSince(error));
    this.#watch.failed(this, error);
  }

  /** It is not one of the cluster's any more. */
  left(): void {
    const wasAvailable = this.available;
    this.gone = true;
    if (wasAvailable) this.#watch.turned(this, "It is none of the cluster's readers any more.");
  }
}

function outSince(error: Error): string {
  if (error instanceof ReaderLags) return error.message;
  return `It cannot be reached: ${reasonFrom(error)}.`;
}

function backSince(error: Error | undefined): string {
  if (error instanceof ReaderLags) return "It has caught up with the writer.";
  return "It can be reached again.";
}

/** The endpoints of one side: each new connection goes to the least used one that works. */
export class EndpointAddresses {
  readonly #given: readonly EndpointAddress[];
  /** Servers that the topology of the cluster has told of. */
  #found: readonly EndpointAddress[] = [];
  #gone: readonly EndpointAddress[] = [];
  #all: readonly EndpointAddress[];
  readonly #sideOptions: ClientConfig;
  readonly #watch: AddressWatch;
  readonly #connectFailures = new WeakSet<Error>();
  #movedAt = 0;

  /**
   * @param endpoints - as they were configured
   * @param sideOptions - what connections to each of them have in common
   * @param failed - called whenever an endpoint cannot be reached
   * @param turned - called when one is used for new connections no longer, or again, with the reason
   */
  constructor(
    endpoints: readonly Endpoint[],
    sideOptions: ClientConfig = {},
    failed: (address: EndpointAddress) => void = () => {},
    turned: AddressWatch["turned"] = () => {},
  ) {
    this.#sideOptions = sideOptions;
    this.#watch = {
      failed: (address, error) => {
        this.#connectFailures.add(error);
        if (!address.gone) failed(address);
      },
      turned,
    };
    this.#given = endpoints.map((endpoint) => new EndpointAddress(endpoint, this.#watch));
    this.#all = this.#given;
  }

  /** Where connections may be opened to now. */
  get all(): readonly EndpointAddress[] {
    return this.#all;
  }

  /** The same, with those that have gone and still have connections. */
  get withGone(): readonly EndpointAddress[] {
    return [...this.#all, ...this.#gone.filter(({ open }) => open > 0)];
  }

  /**
   * Takes what the topology of the cluster tells. From now on new connections go to these servers,
   * and to what was configured only while none of them can be reached.
   *
   * @param make - makes the endpoint of a place that is new
   * @returns those that have gone
   */
  know<P extends Place>(
    places: readonly P[],
    make: (place: P) => Endpoint,
  ): readonly EndpointAddress[] {
    const before = this.#all;
    const known = new Map(before.map((address) => [address.name, address]));
    const wanted = new Map(places.map((place) => [placeName(place), place]));
    this.#found = [...wanted].map(
      ([name, place]) => known.get(name) ?? new EndpointAddress(make(place), this.#watch),
    );
    this.#all = [...new Set([...this.#given, ...this.#found])];
    const gone = before.filter((address) => !this.#all.includes(address));
    for (const address of gone) address.left();
    for (const address of this.#found) {
      if (!before.includes(address))
        this.#watch.turned(address, "It is one of the cluster's readers.");
    }
    this.#gone = [...this.#gone.filter(({ open }) => open > 0), ...gone];
    return gone;
  }

  /** Whether an error of a pool says that connecting failed, as opposed to waiting for a turn. */
  isConnectFailure(error: Error): boolean {
    if (this.#connectFailures.has(error)) return true;
    return error.cause instanceof Error && this.#connectFailures.has(error.cause);
  }

  /** A connection was lost before its set-up was over: nobody has had it yet. */
  lostInSetUp(error: Error): void {
    this.#connectFailures.add(error);
  }

  /** Whether connecting to any of them is worth a try. */
  get available(): boolean {
    return this.#all.some((address) => address.available);
  }

  /** How many connections are being opened. */
  get opening(): number {
    return this.#all.reduce((sum, address) => sum + address.opening, 0);
  }

  /** The endpoint for the next connection. */
  pick(): EndpointAddress {
    const eligible = this.#eligible;
    let best = eligible[0] as EndpointAddress;
    if (eligible.length === 1) return best;
    for (const address of eligible) if (rank(address) < rank(best)) best = address;
    return best;
  }

  /**
   * Whether another endpoint lacks the connection that this one has too many: one that is back gets
   * its share though all connections are open. At most a few in a second move like this.
   */
  isSurplus(address: EndpointAddress): boolean {
    if (this.#all.length === 1 || !address.available) return false;
    const now = performance.now();
    if (now - this.#movedAt < moveMillis) return false;
    const eligible = this.#eligible;
    const poorest = this.pick();
    // The one that takes it must not have more than its share afterwards. What was configured may
    // be a name for all of the others, and has no share beside them.
    const isRich = !eligible.includes(address) || rank(address, -1) > rank(poorest, 0);
    if (isRich) this.#movedAt = now;
    return isRich;
  }

  /** What was configured may be one name for all servers: those that are known go first. */
  get #eligible(): readonly EndpointAddress[] {
    const reachable = this.#found.filter(({ available }) => available);
    return reachable.length > 0 ? reachable : this.#all;
  }

  /**
   * pg's options for a connection to one of several endpoints. The pool's own options lead to the
   * first that was configured, and reach the client as they are.
   */
  configure(options: ClientConfig | undefined, address: EndpointAddress): ClientConfig | undefined {
    const first = this.#given[0];
    if (address === first || first === undefined) {
      return address.ssl === undefined ? options : leadingTo(options, options, address);
    }
    const others: ClientConfig = { ...options };
    for (const key of Object.keys(first.client) as (keyof ClientConfig)[]) {
      Object.assign(others, { [key]: this.#sideOptions[key] });
    }
    return leadingTo(others, address.client, address);
  }
}

function leadingTo(
  options: ClientConfig | undefined,
  client: ClientConfig | undefined,
  { ssl }: EndpointAddress,
): ClientConfig {
  return withShown(client, ssl === undefined ? {} : { ssl }, options);
}

/** Options with others, those that are hidden from spreading included. */
export function withShown(
  client: ClientConfig | undefined,
  more: ClientConfig,
  less: ClientConfig = {},
): ClientConfig {
  return { ...less, ...client, ...shown(client), ...more };
}

/** The options that are hidden from spreading. */
function shown({ password, connectionString }: ClientConfig = {}): ClientConfig {
  return {
    ...(password === undefined ? {} : { password }),
    ...(connectionString === undefined ? {} : { connectionString }),
  };
}

/** The least one gets the next connection. */
function rank(address: EndpointAddress, more = 0): number {
  const { open, opening, available, isNear, share } = address;
  return (open + opening + more + 1) / share + (available ? 0 : 1e9) + (isNear ? 0 : 1e6);
}
