import type { Endpoint } from "./endpoint.ts";
import type { Relay } from "./relay.ts";
import { TrafficView } from "./traffic.ts";
import { wholeMilliseconds } from "./whole-milliseconds.ts";

/** An endpoint that is a relay. */
export class RelayEndpoint extends TrafficView implements Endpoint {
  readonly host: string;
  readonly port: number;
  readonly url: string;
  // Own properties, unlike the counts, since pg copies its options property by property.
  readonly connectionString: string;
  readonly #relay: Relay;

  constructor(relay: Relay, url: string) {
    super(relay);
    this.#relay = relay;
    this.host = relay.host;
    this.port = relay.port;
    this.url = url;
    this.connectionString = url;
  }

  blackhole(): void {
    this.#relay.blackhole();
  }

  reset(): void {
    this.#relay.reset();
  }

  slow(milliseconds: number): void {
    this.#relay.slow(wholeMilliseconds("A delay", milliseconds));
  }

  refuse(): void {
    this.#relay.refuse();
  }

  async heal(): Promise<void> {
    await this.#relay.heal();
  }
}
