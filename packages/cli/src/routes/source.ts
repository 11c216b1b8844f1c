import { createPool, type Pool, type PoolOptions } from "pointsman";
import { configuredEndpoints } from "pointsman/endpoints";
import { isLibraryError, reasonOf } from "../errors.ts";
import { EXIT_BY_TEXT } from "../exit-status.ts";
import { Secrets } from "../secrets.ts";
import type { Answer } from "./route.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** For each connection, in milliseconds. */
const timeout = 10_000;

/** Options of whatever asks the database. */
export const options = {
  connectionTimeoutMillis: timeout,
  fallback_application_name: "pointsman explain",
  // The environment is that of the application, and this is no pool of it.
  statsSocket: "",
};

/** What the application says in code, and the environment does not. */
export type InCode = Pick<PoolOptions, "functions" | "tables">;

/** What knows where texts would go. */
export interface Source {
  /** What is known of functions and views: what their database tells, or what the texts do. */
  readonly knownFrom: "database" | "text";
  /** Why that is the text, for people. */
  readonly note: string | undefined;
  /** Why the database could not be asked that was to be asked. */
  readonly problem?: string;
  /** The exit status, if nothing else goes wrong. */
  readonly status: number;
  /** Where these texts would go. */
  of(texts: readonly string[]): Promise<Answer[]>;
  end(): Promise<void>;
}

/** The same rows, each with where its text would go. */
export async function routed<Row extends { readonly text: string | undefined }>(
  source: Source,
  rows: readonly Row[],
): Promise<(Row & { readonly answer: Answer | undefined })[]> {
  const texts = rows.flatMap(({ text }) => (text === undefined ? [] : [text]));
  const answers = await source.of(texts);
  const byText = new Map(texts.map((text, at) => [text, answers[at]]));
  return rows.map((row) => ({
    ...row,
    answer: row.text === undefined ? undefined : byText.get(row.text),
  }));
}

/** Whether anything says where a database is. */
export function hasDatabase(environment: Environment): boolean {
  const { DATABASE_URL, DATABASE_READER_URL, PGHOST } = environment;
  return Boolean(DATABASE_URL || DATABASE_READER_URL || PGHOST);
}

/**
 * Finds out whether the database can be asked. Where it cannot, it is the text alone, and that is
 * told.
 *
 * @throws ConfigError
 */
export async function openSource(
  isOffline: boolean,
  environment: Environment,
  inCode: InCode = {},
): Promise<Source> {
  const byText = (why: string, status = 0): Source => textAlone(why, status, inCode);
  if (isOffline) return byText("no database was asked (--offline)");
  if (!hasDatabase(environment)) return byText("DATABASE_URL is not set");
  const pool = createPool({ ...options, ...inCode });
  pool.on("error", () => {});
  // Whatever it is asked first, it looks at the database for that.
  await answer(pool, "select 1");
  const { catalog } = pool.stats();
  if (catalog === undefined) {
    await pool.end();
    return byText("the database is not to be asked (DATABASE_CATALOG)");
  }
  if (catalog.readAt === undefined) {
    await pool.end();
    const problem = await problemOf(environment);
    return { ...byText("the database could not be asked", EXIT_BY_TEXT), problem };
  }
  return source(pool, "database", undefined, 0);
}

function textAlone(why: string, status: number, inCode: InCode): Source {
  const note = `By the text alone, since ${why}: functions that are not PostgreSQL's own are unknown.`;
  // With the rules of the application; it sends nothing.
  return source(createPool({ ...options, ...inCode, catalog: false }), "text", note, status);
}

function source(
  pool: Pool,
  knownFrom: Source["knownFrom"],
  note: string | undefined,
  status: number,
): Source {
  return {
    knownFrom,
    note,
    status,
    // All at once: with one server it looks at the database each time that somebody asks.
    of: (texts) => Promise.all(texts.map((text) => answer(pool, text))),
    end: () => pool.end(),
  };
}

async function answer(pool: Pool, text: string): Promise<Answer> {
  try {
    return await pool.explain(text);
  } catch (error) {
    if (!isLibraryError(error)) throw error;
    return { refused: { code: error.code, message: error.message } };
  }
}

/** Why the database could not be asked, as a sentence. */
async function problemOf(environment: Environment): Promise<string> {
  const secrets = new Secrets(environment);
  for (const endpoint of configuredEndpoints(options, environment)) {
    try {
      if (endpoint.auth === undefined) secrets.add(await endpoint.password());
      await (await endpoint.connect()).end();
    } catch (error) {
      return secrets.hide(
        `The ${endpoint.side} ${endpoint.name} cannot be reached: ${reasonOf(error)}. pointsman doctor tells more.`,
      );
    }
  }
  return "The database can be reached, but its system catalogs could not be read.";
}
