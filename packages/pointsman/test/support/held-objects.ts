import { getHeapSnapshot } from "node:v8";

/** How many objects of a kind there are, and the bytes that they take themselves. */
export interface Held {
  readonly count: number;
  readonly bytes: number;
}

/** What is on the heap when all garbage is gone, by kind, such as `object Ledger`. */
export type HeldObjects = ReadonlyMap<string, Held>;

/** What the engine makes of a program: it grows as more of it is compiled, whatever is held. */
const ofTheEngine: ReadonlySet<string> = new Set([
  "code",
  "hidden",
  "native",
  "object shape",
  "synthetic",
]);

/** The part of a heap snapshot that is read here. */
interface Snapshot {
  readonly snapshot: {
    readonly meta: {
      readonly node_fields: readonly string[];
      readonly node_types: readonly [readonly string[], ...unknown[]];
    };
  };
  readonly nodes: readonly number[];
  readonly strings: readonly string[];
}

/** Looks at the heap. It takes a second or two, and the process stands still. */
export async function heldObjects(): Promise<HeldObjects> {
  // The text that was searched last is held until another one is.
  /^/.exec("");
  const chunks: Buffer[] = [];
  for await (const chunk of getHeapSnapshot()) chunks.push(chunk);
  const { snapshot, nodes, strings } = JSON.parse(
    Buffer.concat(chunks).toString("utf8"),
  ) as Snapshot;
  const { node_fields: fields, node_types: types } = snapshot.meta;
  const [type, name, size] = ["type", "name", "self_size"].map((field) => fields.indexOf(field));
  const value = (node: number, field = 0): number => nodes[node + field] as number;
  const held = new Map<string, { count: number; bytes: number }>();
  for (let node = 0; node < nodes.length; node += fields.length) {
    const kind = types[0][value(node, type)] as string;
    if (ofTheEngine.has(kind)) continue;
    const key = kind === "object" ? `object ${strings[value(node, name)]}` : kind;
    const sum = held.get(key) ?? { count: 0, bytes: 0 };
    sum.count += 1;
    sum.bytes += value(node, size);
    held.set(key, sum);
  }
  return held;
}

/** By how much each kind has grown, the one by the most bytes first. */
export function growth(
  before: HeldObjects,
  after: HeldObjects,
): readonly (readonly [string, Held])[] {
  const none: Held = { count: 0, bytes: 0 };
  return [...new Set([...before.keys(), ...after.keys()])]
    .map((kind) => {
      const [old, now] = [before.get(kind) ?? none, after.get(kind) ?? none];
      return [kind, { count: now.count - old.count, bytes: now.bytes - old.bytes }] as const;
    })
    .sort(([, one], [, other]) => other.bytes - one.bytes);
}
