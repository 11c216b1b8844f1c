import { type Endpoint, type Place, placeName } from "../../config/endpoint.ts";
import type { InstanceOf } from "../../config/instance-host.ts";
import type { Inquiry } from "./inquiry.ts";
import type { Member, Sighting, Topology } from "./member.ts";
import {
  type AttachedReader,
  type ReaderIdentity,
  type RecognisedBy,
  type Recognition,
  readReplicationStatus,
  recognise,
  replicationStatus,
  whoAreYou,
} from "./replication-status.ts";

/** One configured reader, and what is known of it. */
interface Configured {
  readonly place: Place;
  identity: ReaderIdentity | undefined;
  /** The writer has had it among its readers: when it has not any more, that means something. */
  recognisedBy: RecognisedBy | undefined;
}

/**
 * What the writer knows of the readers that stream from it. It knows where they come from, and not
 * where they listen: configured readers are recognised, others only where the application says
 * where they are.
 */
export class ReplicationTopology implements Topology {
  readonly #configured: readonly Configured[];
  readonly #instance: InstanceOf | undefined;
  readonly #port: number;

  constructor(writer: Endpoint, readers: readonly Endpoint[], instance: InstanceOf | undefined) {
    this.#configured = readers.map(({ host, port }) => ({
      place: { host, port },
      identity: undefined,
      recognisedBy: undefined,
    }));
    this.#instance = instance;
    this.#port = writer.port;
  }

  async look(inquiry: Inquiry): Promise<Sighting | undefined> {
    const [writer] = inquiry.addresses;
    const reply = writer && (await inquiry.ask(writer, replicationStatus));
    if (reply === undefined) return undefined;
    if (!reply.isWriter) {
      return { members: [], complete: false, suspects: this.#configured.map(({ place }) => place) };
    }
    const [mayRead, rows] = reply.row ?? [];
    if (mayRead !== "t") {
      inquiry.advise(
        "this user may not see which readers stream from the writer. Grant it: GRANT pg_monitor TO the user",
      );
      return undefined;
    }
    const attached = readReplicationStatus(rows ?? "[]");
    await Promise.all(this.#configured.map((one) => this.#meet(one, attached, inquiry)));
    const configured = this.#configured.map((one) => this.#memberOf(one, attached));
    const others = attached.flatMap((one) => this.#placed(one));
    // What was said of a configured one is known better.
    const members = new Map([...others, ...configured.flat()].map((one) => [placeName(one), one]));
    return { members: [...members.values()], complete: true, suspects: [] };
  }

  /** Asks a reader who it is that is not recognised: another server may have taken its place. */
  async #meet(
    one: Configured,
    attached: readonly AttachedReader[],
    inquiry: Inquiry,
  ): Promise<void> {
    if (this.#recognise(one, attached) !== undefined) return;
    one.identity = (await identityAt(one.place, inquiry)) ?? one.identity;
  }

  /** A reader that has never been seen at the writer may follow another reader: it stays. */
  #memberOf(one: Configured, attached: readonly AttachedReader[]): Member[] {
    const found = this.#recognise(one, attached);
    if (found !== undefined) one.recognisedBy = found.by;
    else if (one.recognisedBy !== undefined) return [];
    return [{ ...one.place, role: found && "reader", lagMillis: found?.reader.lagMillis }];
  }

  #recognise(one: Configured, attached: readonly AttachedReader[]): Recognition | undefined {
    const others = this.#configured.flatMap(({ identity }) =>
      identity === undefined || identity === one.identity ? [] : [identity],
    );
    return one.identity && recognise(one.identity, attached, one.recognisedBy, others);
  }

  #placed({ name, lagMillis }: AttachedReader): Member[] {
    const found = this.#instance?.(name);
    if (found === undefined) return [];
    const { host, port = this.#port } = found;
    return [{ host, port, role: "reader", lagMillis }];
  }
}

async function identityAt(place: Place, inquiry: Inquiry): Promise<ReaderIdentity | undefined> {
  const address = inquiry.addressOf(place);
  const reply = address && (await inquiry.ask(address, whoAreYou));
  if (reply?.row === undefined) return undefined;
  const [name, from] = reply.row;
  return { name: name ?? "", address: from ?? undefined };
}
