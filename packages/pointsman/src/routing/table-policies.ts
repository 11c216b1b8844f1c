import { LRUCache } from "lru-cache";
import type { Classification, RelationName } from "../statements/types.ts";
import { isMigrationTable } from "./migration-tables.ts";
import { schemasOf } from "./relation-schemas.ts";
import type { Target } from "./route.ts";
import { ruleFor, schemasNamedFor, strictest, type TableRule } from "./table-rules.ts";

/** Where the tables that a text reads ask it to go; `migrations`: to the writer, by default. */
export type TablePolicy = Target | "migrations";

/** What is known of the tables that a text reads. */
interface Finding {
  readonly policy: TablePolicy | undefined;
  /** The rule that says so, as it was given. */
  readonly rule: string | undefined;
}

const nothing: Finding = Object.freeze({ policy: undefined, rule: undefined });
const migrations: Finding = Object.freeze({ policy: "migrations", rule: undefined });

/** Of the tables of one text the one that asks for the most decides. */
const demands: readonly (TablePolicy | undefined)[] = [undefined, "reader", "migrations", "writer"];

/** Finds what the rules of one pool say of texts: once for each text, and once for each table. */
export class TablePolicies {
  readonly #rules: readonly TableRule[];
  #texts = new WeakMap<Classification, Finding>();
  readonly #tables = new LRUCache<string, Finding>({ max: 10_000 });
  #searchPath: readonly string[] | undefined;

  constructor(rules: readonly TableRule[]) {
    this.#rules = rules;
  }

  /** Where the tables that a text reads ask it to go. */
  of(facts: Classification): TablePolicy | undefined {
    return facts.reads.length === 0 ? undefined : this.#find(facts).policy;
  }

  /** The rule behind that, as it was given. */
  ruleOf(facts: Classification): string | undefined {
    return this.#find(facts).rule;
  }

  /** The schemas in which names without one are looked for have become known. */
  learn(searchPath: readonly string[]): void {
    this.#searchPath = searchPath;
    this.#texts = new WeakMap();
    this.#tables.clear();
  }

  #find(facts: Classification): Finding {
    let found = this.#texts.get(facts);
    if (found === undefined) {
      found = facts.reads.map((relation) => this.#ofTable(relation)).reduce(harder, nothing);
      this.#texts.set(facts, found);
    }
    return found;
  }

  #ofTable(relation: RelationName): Finding {
    if (this.#rules.length === 0) return isMigrationTable(relation) ? migrations : nothing;
    const key = JSON.stringify([relation.schema, relation.name]);
    let found = this.#tables.get(key);
    if (found === undefined) {
      found = this.#judge(relation);
      this.#tables.set(key, found);
    }
    return found;
  }

  #judge(relation: RelationName): Finding {
    const schemas = schemasOf(relation, this.#searchPath, () =>
      schemasNamedFor(this.#rules, relation.name),
    );
    const rules = schemas.map((schema) => ruleFor(this.#rules, schema, relation.name));
    const given = rules.filter((rule) => rule !== undefined);
    const rule = strictest(given);
    // A rule for a reader holds only if the table is meant by it, in whichever schema it is.
    if (rule !== undefined && (rule.target === "writer" || given.length === rules.length)) {
      return { policy: rule.target, rule: rule.written };
    }
    return isMigrationTable(relation) ? migrations : nothing;
  }
}

function harder(a: Finding, b: Finding): Finding {
  return demands.indexOf(b.policy) > demands.indexOf(a.policy) ? b : a;
}
