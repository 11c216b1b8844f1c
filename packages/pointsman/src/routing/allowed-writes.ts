import type { RelationName } from "../statements/types.ts";
import { schemasOf } from "./relation-schemas.ts";
import { matches, type TableRule } from "./table-rules.ts";

/** The tables that a read-only pool may write. */
export class AllowedWrites {
  readonly #rules: readonly TableRule[];
  #searchPath: readonly string[] | undefined;

  constructor(rules: readonly TableRule[]) {
    this.#rules = rules;
  }

  /** As they were given. */
  get names(): readonly string[] {
    return this.#rules.map(({ written }) => written);
  }

  /** Whether a table is meant by a rule, in whichever schema it is. */
  covers(relation: RelationName): boolean {
    return schemasOf(relation, this.#searchPath, () => []).every((schema) =>
      this.#rules.some(({ name }) => matches(name, schema, relation.name)),
    );
  }

  /** The schemas in which names without one are looked for have become known. */
  learn(searchPath: readonly string[]): void {
    this.#searchPath = searchPath;
  }
}
