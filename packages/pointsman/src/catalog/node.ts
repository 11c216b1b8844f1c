import type { Flaw, FlawKind } from "./flaw.ts";

/** What sort of object it is, as it is told. */
export type ObjectKind = "function" | "relation" | "operator" | "type" | "cast";

/** An object of the database, and what becomes of a statement that leads to it. */
export class CatalogNode {
  readonly kind: ObjectKind;
  readonly schema: string;
  readonly name: string;
  /** What it does by itself. */
  own: Flaw | undefined;
  /** What it leads to that has a flaw. */
  #via: CatalogNode | undefined;
  #inherited: FlawKind | undefined;
  /** Its user has said what it does: what it leads to does not count. */
  isSettled = false;

  constructor(kind: ObjectKind, schema: string, name: string, own?: Flaw) {
    this.kind = kind;
    this.schema = schema;
    this.name = name;
    this.own = own;
  }

  /** `undefined`: it only reads, and so does all that it leads to. */
  get flaw(): FlawKind | undefined {
    return this.own?.kind ?? this.#inherited;
  }

  /** @returns whether that was news */
  inherit(from: CatalogNode): boolean {
    if (this.isSettled || this.flaw !== undefined) return false;
    this.#inherited = from.flaw;
    this.#via = from;
    return true;
  }

  /** What it does, to follow its name in a sentence. */
  get because(): string {
    if (this.own !== undefined) return this.own.because;
    if (this.#via === undefined) return this.isSettled ? "is said to only read" : "only reads";
    const verb = this.#via.kind === "function" ? "calls" : "uses";
    return `${verb} ${this.#via.label}, which ${this.#via.because}`;
  }

  get label(): string {
    if (this.kind === "cast") return `the cast of ${this.schema} to ${this.name}`;
    return `${this.schema}.${this.name}`;
  }
}
