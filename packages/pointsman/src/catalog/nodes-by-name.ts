import type { CountedCall, ReadRelation } from "../statements/types.ts";
import type { CatalogNode } from "./node.ts";

type FunctionName = Pick<CountedCall, "schema" | "name" | "argumentCounts">;

const none: readonly CatalogNode[] = [];

/** Objects of one kind, by their names: several may have one, in different schemas or with other parameters. */
export class NodesByName {
  readonly #byName = new Map<string, CatalogNode[]>();

  get size(): number {
    return this.#byName.size;
  }

  add(node: CatalogNode): void {
    const same = this.#byName.get(node.name);
    if (same === undefined) this.#byName.set(node.name, [node]);
    else same.push(node);
  }

  /** What a call may mean. */
  called({ schema, name, argumentCounts }: FunctionName): readonly CatalogNode[] {
    const found = this.find(schema, name);
    return argumentCounts === undefined
      ? found
      : found.filter((node) => node.takes(argumentCounts));
  }

  /** What may be meant where a relation is read. */
  read({ schema, name, only }: ReadRelation): readonly CatalogNode[] {
    const found = this.find(schema, name);
    return only === true ? found.map((node) => node.only ?? node) : found;
  }

  /**
   * What a name may mean. Without a schema it may be an object of any: what `search_path` is when the
   * statement runs need not be known.
   */
  find(schema: string | undefined, name: string): readonly CatalogNode[] {
    const found = this.#byName.get(name);
    if (found === undefined) return none;
    return schema === undefined ? found : found.filter((node) => node.schema === schema);
  }

  /** All of them. */
  *all(): Iterable<CatalogNode> {
    for (const nodes of this.#byName.values()) yield* nodes;
  }
}
