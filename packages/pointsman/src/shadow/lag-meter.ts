import type { Client } from "pg";
import type { Config } from "../config/config.ts";
import { EndpointAddresses } from "../servers/endpoint-addresses.ts";
import { baseClass, commonOptions, endpointOptions } from "../servers/endpoint-options.ts";
import type { PgCalls } from "../servers/pg-calls.ts";
import { ProbeConnections } from "../servers/probe-connection.ts";
import { WriterAddresses } from "../servers/writer-addresses.ts";
import { Gauge } from "./gauge.ts";
import { HeldConnection } from "./held-connection.ts";
import type { ShadowLag } from "./shadow-report.ts";

/** Time between two measurements, in milliseconds. */
const pauseMillis = 1000;
/** Without a statement in so many of these pauses nobody measures any more. */
const idlePauses = 10;

/**
 * Measures how long what is written takes to reach each reader, on connections of its own, beside
 * the callers' path, as long as statements are sent: one connection to the writer, and one to each
 * reader. Nothing that it finds changes what becomes of a statement.
 */
export class LagMeter {
  readonly #gauges: readonly Gauge[];
  readonly #probes: ProbeConnections;
  #timer: NodeJS.Timeout | undefined;
  #wasUsed = false;
  #idle = 0;
  #ended = false;

  constructor(config: Config, calls: PgCalls) {
    const { writer, writerPool, readers, readerPool } = config;
    const probes = new ProbeConnections(baseClass(config), calls);
    this.#probes = probes;
    const held = (make: () => Client): HeldConnection =>
      new HeldConnection(probes, make, config.freshness.positions);
    const atWriter = new WriterAddresses(writer, commonOptions(writerPool));
    const toWriter = endpointOptions(writerPool, writer);
    const source = held(() => probes.at(atWriter.pick(), "writer", atWriter, toWriter));
    const addresses = new EndpointAddresses(readers, commonOptions(readerPool));
    const toReader = endpointOptions(readerPool, readers[0] ?? writer);
    this.#gauges = addresses.all.map((address) => {
      const reader = held(() => probes.at(address, "reader", addresses, toReader));
      return new Gauge(address.name, source, reader);
    });
  }

  /** A statement is sent. */
  wake(): void {
    this.#wasUsed = true;
    if (this.#timer !== undefined || this.#ended) return;
    this.#idle = 0;
    this.#measure();
  }

  #measure(): void {
    for (const gauge of this.#gauges) gauge.measure();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#idle = this.#wasUsed ? 0 : this.#idle + 1;
      this.#wasUsed = false;
      if (this.#idle < idlePauses && !this.#ended) this.#measure();
    }, pauseMillis).unref();
  }

  /** How far the slowest reader is behind, in milliseconds; `undefined`: not known. */
  get lagMs(): number | undefined {
    let slowest: number | undefined;
    for (const { lagMs } of this.#gauges) {
      if (lagMs !== undefined && (slowest === undefined || lagMs > slowest)) slowest = lagMs;
    }
    return slowest;
  }

  stats(): readonly ShadowLag[] {
    return this.#gauges.map((gauge) => gauge.stats());
  }

  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#probes.end();
  }
}
