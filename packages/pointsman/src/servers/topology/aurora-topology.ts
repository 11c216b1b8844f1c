import type { InstanceOf } from "../../config/instance-host.ts";
import { type AuroraInstance, auroraStatus, readAuroraStatus } from "./aurora-status.ts";
import type { Inquiry, Reply } from "./inquiry.ts";
import type { Member, Sighting, Topology } from "./member.ts";

/** How many servers are asked beside the writer, where that does not answer. */
const mostOthers = 3;

/** Aurora's own view of its instances. */
export class AuroraTopology implements Topology {
  readonly #instance: InstanceOf;
  readonly #port: number;

  /** @param port - of instances whose address has none */
  constructor(instance: InstanceOf, port: number) {
    this.#instance = instance;
    this.#port = port;
  }

  async look(inquiry: Inquiry): Promise<Sighting | undefined> {
    const [writer, ...others] = inquiry.addresses;
    const reply =
      (writer && (await inquiry.ask(writer, auroraStatus))) ??
      (await firstOf(others.slice(0, mostOthers).map((one) => inquiry.ask(one, auroraStatus))));
    return reply && this.#read(reply, inquiry);
  }

  #read({ row, refusal, isWriter }: Reply, inquiry: Inquiry): Sighting | undefined {
    if (refusal !== undefined) {
      inquiry.advise(
        `aurora_replica_status() is refused with ${refusal}. Is this a cluster of Aurora? If not, choose another topology`,
      );
      return undefined;
    }
    const instances = readAuroraStatus(row?.[0] ?? "[]");
    if (instances === undefined) return undefined;
    const members = instances.flatMap((instance) => this.#memberOf(instance));
    if (members.length === 0) {
      inquiry.advise(
        `none of ${instances.map(({ id }) => JSON.stringify(id)).join(", ")} has an address. Look at topology.instance`,
      );
      return undefined;
    }
    // What a reader knows may be old, or not be all.
    const suspects = isWriter ? [] : members.filter(({ role }) => role === "writer");
    return { members, complete: isWriter, suspects };
  }

  #memberOf({ id, isWriter, lagMillis }: AuroraInstance): Member[] {
    const found = this.#instance(id);
    if (found === undefined) return [];
    const { host, port = this.#port } = found;
    return [{ host, port, role: isWriter ? "writer" : "reader", lagMillis }];
  }
}

/** Whoever replies first, of servers that were asked at the same time. */
async function firstOf(replies: readonly Promise<Reply | undefined>[]): Promise<Reply | undefined> {
  const replying = replies.map(async (asked) => {
    const reply = await asked;
    if (reply === undefined) throw new Error("It does not answer.");
    return reply;
  });
  return Promise.any(replying).catch(() => undefined);
}
