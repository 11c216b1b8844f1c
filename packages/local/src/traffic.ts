/** What has been carried between clients and servers so far. */
export interface Traffic {
  /** Connections open now. */
  readonly connections: number;
  /** Connections accepted since the start. */
  readonly accepted: number;
  /** Bytes from clients to servers. */
  readonly bytesToServer: number;
  /** Bytes from servers to clients. */
  readonly bytesToClient: number;
  /**
   * Bursts from client to server: one is counted when a client sends something for the first time
   * after its server last spoke. However many messages a client sends without waiting for an
   * answer, it is one flight, so a difference of this number is a number of round trips.
   */
  readonly flights: number;
}

/** {@link Traffic} as whoever carries it keeps it. */
export type Counts = { -readonly [name in keyof Traffic]: number };

export function noTraffic(): Counts {
  return { connections: 0, accepted: 0, bytesToServer: 0, bytesToClient: 0, flights: 0 };
}

/** The traffic of something else, as it stands when it is read. */
export class TrafficView implements Traffic {
  readonly #traffic: Traffic;

  constructor(traffic: Traffic) {
    this.#traffic = traffic;
  }

  get connections(): number {
    return this.#traffic.connections;
  }

  get accepted(): number {
    return this.#traffic.accepted;
  }

  get bytesToServer(): number {
    return this.#traffic.bytesToServer;
  }

  get bytesToClient(): number {
    return this.#traffic.bytesToClient;
  }

  get flights(): number {
    return this.#traffic.flights;
  }
}
