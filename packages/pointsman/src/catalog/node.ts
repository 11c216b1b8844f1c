import type { Flaw, FlawKind } from "./flaw.ts";

/** What sort of object it is, as it is told. */
export type ObjectKind = "function" | "relation" | "operator" | "type" | "cast";

type ArgumentCounts = readonly [least: number, most: number | null];

/** An object of the database, and what becomes of a statement that leads to it. */
export class CatalogNode {
  readonly kind: ObjectKind;
  readonly schema: string;
  readonly name: string;
  /** What it does by itself. */
  own: Flaw | undefined;
  /** Of a table: the same without those that inherit from it. */
  only: CatalogNode | undefined;
  /** Of a function: how many arguments it takes, at least and at most; `null`: any number. */
  readonly argumentCounts: ArgumentCounts | undefined;
  /** What it leads to that has a flaw. */
  #via: CatalogNode | undefined;
  #inherited: FlawKind | undefined;
  /** What it leads to with a flaw counts for a statement that is planned and not run, too. */
  countsWhenPlanned = false;
  /** Its user has said what it does: what it leads to does not count. */
  isSettled = false;

  constructor(
    kind: ObjectKind,
    schema: string,
    name: string,
    own?: Flaw,
    argumentCounts?: ArgumentCounts,
  ) {
    this.kind = kind;
    this.schema = schema;
    this.name = name;
    this.own = own;
    this.argumentCounts = argumentCounts;
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

  /** Whether it may be what is called with one of so many arguments. */
  takes(counts: readonly number[]): boolean {
    if (this.argumentCounts === undefined) return true;
    const [least, most] = this.argumentCounts;
    return counts.some((count) => count >= least && (most === null || count <= most));
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
