import type { Client } from "pg";
import { type Introduction, introduce, probe } from "../consistency/introduction.ts";
import { ServerState } from "../consistency/server-state.ts";
import type { PositionSource } from "../consistency/settings.ts";
import type { EndpointClient } from "../servers/endpoint-client.ts";
import type { ProbeConnections } from "../servers/probe-connection.ts";
import type { Row } from "../servers/question.ts";

/**
 * How long one connection is used, in milliseconds. Behind an endpoint the next one may lead to
 * another server.
 */
const lifeMillis = 60_000;
/** When one is closed that has fallen silent. */
const patienceMillis = 300_000;

/** A connection that is open, and its server. */
export interface Held {
  readonly client: EndpointClient;
  readonly server: ServerState;
  readonly introduction: Introduction;
}

/** A connection to one endpoint that is opened when it is needed, and kept for a while. */
export class HeldConnection {
  readonly #probes: ProbeConnections;
  readonly #make: () => Client;
  readonly #positions: PositionSource;
  #held: Promise<Held> | undefined;
  #until = 0;
  /** Closes the connection that is held. */
  #close = (): void => {};

  /** @param make - makes the client, which is not connected */
  constructor(probes: ProbeConnections, make: () => Client, positions: PositionSource) {
    this.#probes = probes;
    this.#make = make;
    this.#positions = positions;
  }

  /** @throws what connecting fails with; an Error for a server that says nothing of itself */
  get(): Promise<Held> {
    if (this.#held !== undefined && performance.now() > this.#until) this.#close();
    this.#held ??= this.#open();
    return this.#held;
  }

  #open(): Promise<Held> {
    const over = new Promise<void>((resolve) => {
      this.#close = () => {
        this.#held = undefined;
        resolve();
      };
    });
    const close = this.#close;
    this.#until = performance.now() + lifeMillis;
    return new Promise((resolve, reject) => {
      const use = async (client: Client & EndpointClient): Promise<void> => {
        client.once("end", close);
        resolve(await this.#meet(client));
        await over;
      };
      this.#probes.look(this.#make, patienceMillis, use, reject).then(() => {
        if (this.#close === close) this.#held = undefined;
        reject(new Error("The connection was closed."));
      });
    });
  }

  async #meet(client: EndpointClient): Promise<Held> {
    const introduction = await introduce(client);
    if (introduction === undefined) throw new Error("The server says nothing of itself.");
    const { maker, timeline } = await probe(client, introduction, this.#positions);
    const server = new ServerState({ ...introduction, maker, timeline });
    return { client, server, introduction };
  }
}

/** @throws what the question fails with */
export function ask(client: EndpointClient, text: string): Promise<Row | undefined> {
  return new Promise((resolve, reject) => {
    client.ask(text, (error, row) => {
      if (error === undefined) resolve(row);
      else reject(error);
    });
  });
}
