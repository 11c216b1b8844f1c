import { setTimeout as pause } from "node:timers/promises";
import fc from "fast-check";
import type { Client, QueryConfig, QueryResult } from "pg";
import type { Pool } from "pointsman";
import { describe, expect, it } from "vitest";
import { localCluster } from "../support/local-cluster.ts";
import { limitMillis, mixes, type Sent, schema } from "./any-statement.ts";
import { atRest, lanesOf, openAll, type ReadSide } from "./forced.ts";

const local = localCluster({ readers: 2, logStatements: true, schema });

/** The same mixes each time; a search for more takes another seed, and more runs. */
const seed = Number(process.env["POINTSMAN_SEED"] ?? 1);
const numRuns = Number(process.env["POINTSMAN_RUNS"] ?? 20);

/** All that a caller can see of an answer. */
function shown(result: QueryResult | readonly QueryResult[]): unknown {
  if (Array.isArray(result)) return result.map(shown);
  const { command, rowCount, oid, fields, rows, ...others } = result as QueryResult;
  const { rowAsArray } = others as { rowAsArray?: boolean };
  return {
    kind: (result as QueryResult).constructor.name,
    command,
    rowCount,
    oid,
    rowAsArray,
    fields: fields.map((field) => ({ ...field })),
    rows: rows.map((row) => (Array.isArray(row) ? row : Object.entries(row))),
  };
}

/** All that a caller can see of a failure. */
function shownError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { name, message } = error;
  return { ...error, kind: error.constructor.name, name, message };
}

type Outcome = { readonly answer: unknown } | { readonly failure: unknown };

async function outcomeOf(answer: Promise<unknown>): Promise<Outcome> {
  try {
    return { answer: shown((await answer) as QueryResult) };
  } catch (error) {
    return { failure: shownError(error) };
  }
}

/** What pg's own client says to each statement, one at a time. */
class ByItself {
  readonly #plain: Client;
  readonly #known = new Map<string, Outcome>();

  constructor(plain: Client) {
    this.#plain = plain;
  }

  async outcome({ key, config }: Sent): Promise<Outcome> {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const outcome = await outcomeOf(this.#plain.query({ ...config } as QueryConfig));
    this.#known.set(key, outcome);
    return outcome;
  }
}

const reason = new Error("its caller has given it up");

function send(pool: Pool, { config, givenUp }: Sent): Promise<Outcome> {
  if (givenUp === undefined) return outcomeOf(pool.query({ ...config } as QueryConfig));
  if (givenUp.how === "timed out") {
    return outcomeOf(pool.query({ ...config, query_timeout: givenUp.millis } as never));
  }
  const abort = new AbortController();
  if (givenUp.how === "aborted before") abort.abort(reason);
  const outcome = outcomeOf(pool.query({ ...config, signal: abort.signal } as never));
  if (givenUp.how === "aborted at once") abort.abort(reason);
  if (givenUp.how === "aborted") void pause(givenUp.millis).then(() => abort.abort(reason));
  return outcome;
}

/** Whether its caller hears that it was given up. */
function isTold({ givenUp }: Sent, outcome: Outcome): boolean {
  if (givenUp === undefined || !("failure" in outcome)) return false;
  const { message } = outcome.failure as Error;
  return message === (givenUp.how === "timed out" ? "Query read timeout" : reason.message);
}

/** The answer may come before it is given up, but for that of a long one, or of one not sent. */
async function compare(sent: Sent, outcome: Outcome, byItself: ByItself): Promise<void> {
  const { givenUp, isLong, key } = sent;
  const mustBeTold = givenUp !== undefined && (isLong || givenUp.how === "aborted before");
  const told = isTold(sent, outcome);
  if (told || mustBeTold) expect(told, `${key} is ${givenUp?.how}`).toBe(true);
  else expect(outcome, key).toEqual(await byItself.outcome(sent));
}

async function expectClean(pool: Pool): Promise<void> {
  await atRest(pool);
  for (const side of [pool.writer, pool.reader]) {
    const clients = await Promise.all(
      Array.from({ length: side.totalCount }, () => side.connect()),
    );
    try {
      const answers = await Promise.all(clients.map((client) => client.query("select 7 as seven")));
      expect(answers.flatMap(({ rows }) => rows)).toEqual(clients.map(() => ({ seven: 7 })));
    } finally {
      for (const client of clients) client.release();
    }
  }
}

interface Setting {
  readonly side: ReadSide;
  readonly depth: number;
  readonly after: number;
  readonly max: number;
}

describe.each<Setting>([
  { side: "reader", depth: 64, after: 0, max: 2 },
  { side: "reader", depth: 2, after: 1, max: 256 },
  { side: "writer", depth: 64, after: 1, max: 256 },
  { side: "writer", depth: 2, after: 0, max: 2 },
])("through lanes of the $side (depth $depth, prepared after $after, at most $max)", (setting) => {
  const { side, depth, after, max } = setting;

  it("every answer and failure is what pg's own client says, and all connections stay clean", {
    timeout: 120_000,
  }, async () => {
    const pool = local.pool({
      max: 4,
      lanes: { after: 0, depth, max: 2 },
      prepare: { after, max },
      statement_timeout: limitMillis,
      ...(side === "writer" ? { reader: undefined } : {}),
    });
    await openAll(pool[side]);
    const plain = new URL(local.cluster.writer.url);
    plain.searchParams.set("statement_timeout", String(limitMillis));
    const byItself = new ByItself(await local.connect(plain.href));
    await fc.assert(
      fc.asyncProperty(mixes, async (mix) => {
        const outcomes = await Promise.all(mix.map((sent) => send(pool, sent)));
        for (const [n, sent] of mix.entries())
          await compare(sent, outcomes[n] as Outcome, byItself);
        await expectClean(pool);
      }),
      { seed, numRuns, endOnFailure: true },
    );
    expect(lanesOf(pool, side).carried).toBeGreaterThan(numRuns);
  });
});
