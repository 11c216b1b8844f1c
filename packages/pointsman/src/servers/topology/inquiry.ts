import type { Place } from "../../config/endpoint.ts";
import { placeName } from "../../config/endpoint.ts";
import type { EndpointAddress } from "../endpoint-addresses.ts";
import type { EndpointClient } from "../endpoint-client.ts";
import type { Examined } from "../not-the-writer.ts";
import type { ServerError } from "../pg-internals.ts";
import type { ProbeConnections } from "../probe-connection.ts";
import type { Row } from "../question.ts";
import type { SettlingPool } from "../settling-pool.ts";
import type { WriterAddresses } from "../writer-addresses.ts";

/** How long one server may take to let a connection in and to answer, in milliseconds. */
const answerMillis = 2000;

/** What a server has said. */
export interface Reply {
  readonly isWriter: boolean;
  /** The row that it has answered with, unless it refused. */
  readonly row: Row | undefined;
  /** Why it refused: a SQLSTATE. */
  readonly refusal: string | undefined;
}

/** What an inquiry asks with. */
export interface InquiryParts {
  readonly pool: SettlingPool;
  readonly addresses: WriterAddresses;
  readonly probes: ProbeConnections;
  readonly examine: (client: EndpointClient) => Promise<Examined>;
  /** Called with its start, which tells servers apart, whenever one has turned out to be the writer. */
  readonly writerSeen: (startedAt: string) => void;
  /** Tells whoever runs this why the topology cannot be looked at, and what to do. */
  readonly advise: (problem: string) => void;
}

/**
 * Asks servers, as the writer's user, on connections of its own: no caller ever waits behind a
 * question.
 */
export class Inquiry {
  readonly #parts: InquiryParts;

  constructor(parts: InquiryParts) {
    this.#parts = parts;
  }

  advise(problem: string): void {
    this.#parts.advise(problem);
  }

  /** Where the writer was last, and then the other servers in any order. */
  get addresses(): readonly EndpointAddress[] {
    const { addresses } = this.#parts;
    const leading = addresses.pick();
    const others = addresses.all
      .filter((address) => address !== leading)
      .map((address) => ({ address, at: Math.random() }))
      .sort((one, other) => one.at - other.at)
      .map(({ address }) => address);
    return [leading, ...others];
  }

  /** The address of a member, if there is one. */
  addressOf(place: Place): EndpointAddress | undefined {
    const name = placeName(place);
    return this.#parts.addresses.all.find((address) => address.name === name);
  }

  /**
   * Asks a server for one row, and what it is.
   *
   * @returns `undefined` when it cannot be reached, or does not answer in time
   */
  ask(address: EndpointAddress, text: string): Promise<Reply | undefined> {
    const { probes, addresses, pool, examine, writerSeen } = this.#parts;
    return probes.look<Reply>(
      () => probes.at(address, "writer", addresses, pool.options),
      answerMillis,
      async (client) => {
        const { role, startedAt } = await examine(client);
        const isWriter = role === "writer";
        if (isWriter) writerSeen(startedAt);
        return { isWriter, ...(await answerOf(client, text)) };
      },
    );
  }
}

function answerOf(client: EndpointClient, text: string): Promise<Pick<Reply, "row" | "refusal">> {
  return new Promise((resolve, reject) => {
    client.ask(text, (error, row) => {
      const refusal = (error as ServerError | undefined)?.code;
      if (error !== undefined && refusal === undefined) reject(error);
      else resolve({ row, refusal });
    });
  });
}
