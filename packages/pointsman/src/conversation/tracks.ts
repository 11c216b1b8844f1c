import type { Target } from "../routing/route.ts";
import type { EndpointClient } from "../servers/endpoint-client.ts";
import { isUsable } from "../servers/pg-internals.ts";
import type { Release } from "../servers/settling-pool.ts";

interface Track {
  readonly client: EndpointClient;
  readonly release: Release;
  readonly listeners: readonly (readonly [event: "notice", (...args: unknown[]) => void])[];
}

const forwarded = ["notice", "notification", "error"] as const;

/** The connections that a conversation holds: one to each side at most. */
export class Tracks {
  readonly #forward: (event: string, args: unknown[]) => void;
  #writer: Track | undefined;
  #reader: Track | undefined;

  /** @param forward - hears of the events of the connections that are held */
  constructor(forward: (event: string, args: unknown[]) => void) {
    this.#forward = forward;
  }

  get writer(): EndpointClient | undefined {
    return this.#writer?.client;
  }

  get reader(): EndpointClient | undefined {
    return this.#reader?.client;
  }

  hold(side: Target, client: EndpointClient, release: Release): void {
    const listeners = forwarded.map((event) => {
      const listener = (...args: unknown[]): void => {
        this.#forward(event, args);
      };
      client.on(event as "notice", listener);
      return [event as "notice", listener] as const;
    });
    const track = { client, release, listeners };
    if (side === "writer") this.#writer = track;
    else this.#reader = track;
  }

  giveBack(side: Target, error?: Error | boolean): void {
    const track = side === "writer" ? this.#writer : this.#reader;
    if (track === undefined) return;
    if (side === "writer") this.#writer = undefined;
    else this.#reader = undefined;
    for (const [event, listener] of track.listeners) track.client.removeListener(event, listener);
    track.release(error ?? (isUsable(track.client) ? undefined : true));
  }
}
