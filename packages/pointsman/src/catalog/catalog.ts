import type { Classification } from "../statements/types.ts";
import { type Cause, causesOf } from "./causes.ts";
import type { FunctionRule } from "./function-rules.ts";
import type { KnownDatabase } from "./known-database.ts";
import { type Knowledge, refine } from "./refine.ts";
import type { Refiner } from "./refining-classifier.ts";

/** What is known of a database besides the texts that are sent to it. */
export class Catalog implements Refiner, Knowledge {
  version = 0;
  readonly rules: readonly FunctionRule[];
  #database: KnownDatabase | undefined;
  #isDoubtful = false;

  /** @param rules - what the user says of functions */
  constructor(rules: readonly FunctionRule[]) {
    this.rules = rules;
  }

  get database(): KnownDatabase | undefined {
    return this.#database;
  }

  get isDoubtful(): boolean {
    return this.#isDoubtful;
  }

  refine(text: string, facts: Classification): Classification {
    return refine(text, facts, this);
  }

  /** What the database tells of the objects that a text leads to. */
  causes(text: string, facts: Classification): readonly Cause[] {
    return this.#database === undefined ? [] : causesOf(text, facts, this.#database);
  }

  /** The database has been asked. */
  learn(database: KnownDatabase): void {
    this.#database = database;
    this.#isDoubtful = false;
    this.version += 1;
  }

  /** Nothing has changed since it was asked. */
  confirm(): void {
    if (!this.#isDoubtful) return;
    this.#isDoubtful = false;
    this.version += 1;
  }

  /** Something is changed now: until it is asked again no function counts as known to read. */
  doubt(): void {
    if (this.#isDoubtful || this.#database === undefined) return;
    this.#isDoubtful = true;
    this.version += 1;
  }
}
