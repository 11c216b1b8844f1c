import { lookup, type Resolver } from "node:dns/promises";
import { isIP } from "node:net";
import type { Endpoint, Place } from "../../config/endpoint.ts";
import type { Member, Sighting, Topology } from "./member.ts";

type Resolving = Pick<Resolver, "resolve4" | "resolve6">;

/** Every address of the endpoints' names, each a server of its own. */
export class DnsTopology implements Topology {
  readonly #writer: Endpoint;
  readonly #readers: readonly Endpoint[];
  readonly #resolver: Resolving | undefined;
  /** By host: what it led to last. */
  readonly #known = new Map<string, readonly string[]>();

  constructor(writer: Endpoint, readers: readonly Endpoint[], resolver: Resolving | undefined) {
    this.#writer = writer;
    this.#readers = readers;
    this.#resolver = resolver;
  }

  async look(): Promise<Sighting | undefined> {
    const before = this.#known.get(this.#writer.host);
    const hosts = new Set([this.#writer, ...this.#readers].filter(isName).map(({ host }) => host));
    const answers = await Promise.all([...hosts].map((host) => this.#resolve(host)));
    if (!answers.includes(true)) return undefined;
    const writer = this.#addressesOf(this.#writer).map((place) => asMember(place, "writer"));
    const readers = this.#readers.flatMap((reader) => {
      const places = this.#addressesOf(reader);
      // By its name alone it is asked for anew with each connection.
      const single = places.length < 2 ? [{ host: reader.host, port: reader.port }] : places;
      return single.map((place) => asMember(place, "reader"));
    });
    const suspects = before === undefined ? [] : writer.filter(isNew(before));
    return { members: [...writer, ...readers], complete: true, suspects };
  }

  #addressesOf(endpoint: Endpoint): readonly Place[] {
    const { host, port } = endpoint;
    if (!isName(endpoint)) return [];
    return (this.#known.get(host) ?? []).map((address) => ({ host, port, address }));
  }

  /** @returns whether there was an answer; without one what is known stays */
  async #resolve(host: string): Promise<boolean> {
    const addresses = await addressesOf(host, this.#resolver);
    if (addresses.length === 0) return false;
    this.#known.set(host, addresses);
    return true;
  }
}

/** Whether the endpoint has a name that may lead to several addresses. */
function isName({ host, hostaddr }: Endpoint): boolean {
  return hostaddr === undefined && !host.startsWith("/") && isIP(host) === 0;
}

const isNew =
  (before: readonly string[]) =>
  ({ address }: Place): boolean =>
    address !== undefined && !before.includes(address);

function asMember(place: Place, role: "writer" | "reader"): Member {
  return { ...place, role };
}

/** @returns nothing when there was no answer, or only a part of one */
async function addressesOf(
  host: string,
  resolver: Resolving | undefined,
): Promise<readonly string[]> {
  const found =
    resolver === undefined
      ? lookup(host, { all: true }).then((all) => all.map(({ address }) => address))
      : Promise.all([
          resolver.resolve4(host).catch(noneOfThatKind),
          resolver.resolve6(host).catch(noneOfThatKind),
        ]).then((kinds) => kinds.flat());
  return [...new Set(await found.catch(() => []))];
}

/** Many names have addresses of one kind only, which is an error for the other. */
function noneOfThatKind(error: { readonly code?: string }): string[] {
  if (error.code === "ENODATA") return [];
  throw error;
}
