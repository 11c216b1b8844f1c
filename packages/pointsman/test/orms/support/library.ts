import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { it } from "vitest";

/** What is shown of each library that reads and writes rows: the columns of the table in the docs. */
export const features = {
  crud: "Create, read, update, delete",
  relations: "Joins and relations",
  transactions: "Transactions",
  nested: "Nested transactions",
  isolation: "Isolation levels",
  readOnly: "READ ONLY transactions",
  raw: "Raw SQL",
  streaming: "Streaming",
  migrations: "Migrations",
  errors: "Its own errors",
  ownWrites: "Reads its own writes",
  tenants: "Tenants (row-level security)",
  events: "Pool events",
  shutdown: "Shutdown",
} as const;

export type Feature = keyof typeof features;

/** A library that is driven by these tests. */
export interface Library {
  /** Its name, as its users say it. */
  readonly name: string;
  /** The package in which it is. */
  readonly packageName: string;
  /** What it is given. */
  readonly through: "createPool()" | "pointsman/pg";
  /** What it does not have, and why, in a few words. */
  readonly without?: Partial<Record<Feature, string>>;
}

/** What a test tells the tables in docs/compatibility.md of itself. */
export interface Compatibility extends Library {
  /** A library that reads and writes rows, or what is used beside one. */
  readonly kind: "library" | "addition";
  readonly version: string;
  /** A {@link Feature}, or in a few words what an addition is used for. */
  readonly feature: string;
}

declare module "vitest" {
  interface TaskMeta {
    compatibility?: Compatibility;
  }
}

/** The test of a feature of a library, to be called like `it`. */
export type Shows<Shown extends string> = (
  feature: Shown,
  title: string,
  test: () => Promise<void>,
) => void;

/** Makes the function that shows features of a library that reads and writes rows. */
export function showing(library: Library): Shows<Feature> {
  return showingAny("library", library);
}

/** Makes the function that shows what an addition to `pg`, or a queue, is used for. */
export function showingUses(library: Omit<Library, "without">): Shows<string> {
  return showingAny("addition", library);
}

function showingAny(kind: Compatibility["kind"], library: Library): Shows<string> {
  const path = `../../../../../node_modules/${library.packageName}/package.json`;
  const { version } = JSON.parse(
    readFileSync(fileURLToPath(new URL(path, import.meta.url)), "utf8"),
  );
  return (feature, title, test) => {
    it(title, async ({ task }) => {
      task.meta.compatibility = { ...library, kind, version, feature };
      await test();
    });
  };
}
