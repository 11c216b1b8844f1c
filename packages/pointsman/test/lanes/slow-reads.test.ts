import { setMaxListeners } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import type { Pool } from "pointsman";
import { describe, expect, it } from "vitest";
import { localCluster } from "../support/local-cluster.ts";
import { rejection, until } from "../support/waiting.ts";
import {
  atRest,
  backends,
  forced,
  kinds,
  lanesOf,
  newValue,
  type ReadSide,
  riding,
  statsOf,
  timesSent,
} from "./forced.ts";

const local = localCluster({
  readers: 1,
  schema: "create table marks (id int primary key, mark text); insert into marks values (1, 'x')",
});

/** A short text that takes as long as it is told to. */
const naps = "select pg_sleep($1) is null as slept, $2::text as value";
const short = "select $1::text as value from marks where id = 1";

const nap = (pool: Pool, seconds: number, more: object = {}) => {
  const value = newValue();
  return { value, answer: pool.query({ text: naps, values: [seconds, value], ...more }) };
};

/** Short reads, each with a value of its own, and which of them have their answers. */
function shortReads(pool: Pool, count: number) {
  const values = Array.from({ length: count }, newValue);
  const answers = values.map((value) =>
    pool.query(short, [value]).then(({ rows }) => rows[0].value),
  );
  return { values, answers: Promise.all(answers) };
}

const urlOf = (side: ReadSide): string =>
  (side === "reader" ? local.cluster.readers[0] : local.cluster.servers[0])?.direct.url as string;

/** Resolves when a backend of an application runs a nap, or none does any more. */
function napping(side: ReadSide, application: string, expected: boolean): Promise<unknown> {
  return until(`a nap ${expected ? "is" : "is not"} running`, async () => {
    const all = await backends(local, urlOf(side), application);
    const runs = all.some(({ state, query }) => state === "active" && query.includes("pg_sleep"));
    return runs === expected;
  });
}

describe("behind a read that suddenly takes long, on a reader", () => {
  it("reads go elsewhere, and are answered long before it", async () => {
    const pool = await riding(local, "reader");
    const long = nap(pool, 0.8);
    const behind = shortReads(pool, 5);
    expect(lanesOf(pool, "reader")).toMatchObject({ open: 1, riding: 6 });
    const first = await Promise.race([long.answer.then(() => "the long one"), behind.answers]);
    expect(first).toEqual(behind.values);
    expect(lanesOf(pool, "reader").moved).toBe(5);
    expect((await long.answer).rows).toEqual([{ slept: false, value: long.value }]);
    await atRest(pool);
  });

  it("newcomers wait for nobody", async () => {
    const pool = await riding(local, "reader");
    const long = nap(pool, 0.8);
    const behind = shortReads(pool, 1);
    await behind.answers;
    const newcomers = shortReads(pool, 2);
    const { waiting } = lanesOf(pool, "reader");
    const first = await Promise.race([long.answer.then(() => "the long one"), newcomers.answers]);
    expect(waiting).toBe(0);
    expect(first).toEqual(newcomers.values);
    await long.answer;
  });

  it("reads that went elsewhere are answered once, and it is not sent twice", async () => {
    const pool = await riding(local, "reader");
    const long = nap(pool, 0.3);
    const behind = shortReads(pool, 5);
    expect(await behind.answers).toEqual(behind.values);
    await long.answer;
    await atRest(pool);
    expect(timesSent(local, long.value)).toBe(1);
  });

  it("a text that does it again and again rides no more", async () => {
    const pool = await riding(local, "reader");
    for (let round = 0; round < 6; round++) {
      const long = nap(pool, 0.1);
      await shortReads(pool, 3).answers;
      await long.answer;
    }
    const { carried } = lanesOf(pool, "reader");
    await nap(pool, 0).answer;
    expect(lanesOf(pool, "reader").carried).toBe(carried);
  });
});

describe("behind a read that suddenly takes long, on the writer", () => {
  it("no read is sent twice", async () => {
    const pool = await riding(local, "writer");
    const long = nap(pool, 0.3);
    const behind = shortReads(pool, 5);
    expect(lanesOf(pool, "writer")).toMatchObject({ open: 1, riding: 6 });
    expect(await behind.answers).toEqual(behind.values);
    await long.answer;
    expect(lanesOf(pool, "writer").moved).toBe(0);
    expect([long.value, ...behind.values].map((value) => timesSent(local, value))).toEqual(
      Array.from({ length: 6 }, () => 1),
    );
  });

  it("newcomers go elsewhere", async () => {
    const pool = await riding(local, "writer");
    const long = nap(pool, 0.8);
    await pause(60);
    const newcomers = shortReads(pool, 5);
    const first = await Promise.race([long.answer.then(() => "the long one"), newcomers.answers]);
    expect(first).toEqual(newcomers.values);
    await long.answer;
  });
});

describe.each(kinds)("a read that is given up $name", ({ side }) => {
  it("leaves the answers of those about it whole when it is aborted", async () => {
    const pool = await riding(local, side);
    const abort = new AbortController();
    const before = shortReads(pool, 3);
    const long = nap(pool, 20, { signal: abort.signal });
    const behind = shortReads(pool, 20);
    const told = rejection(long.answer);
    await pause(5);
    abort.abort(new Error("enough"));
    expect((await told).message).toBe("enough");
    expect(await before.answers).toEqual(before.values);
    expect(await behind.answers).toEqual(behind.values);
    await atRest(pool);
  });

  it("is answered at once, and keeps its server busy no longer", async () => {
    const application = `given up ${side}`;
    const pool = await riding(local, side, { application_name: application });
    const abort = new AbortController();
    const long = nap(pool, 20, { signal: abort.signal });
    const told = rejection(long.answer);
    await napping(side, application, true);
    abort.abort(new Error("enough"));
    expect((await told).message).toBe("enough");
    await napping(side, application, false);
    await atRest(pool);
    expect(statsOf(pool, side).total).toBe(4);
  });

  it("is given up by its query_timeout, which harms nobody else", async () => {
    const application = `timed out ${side}`;
    const pool = await riding(local, side, { application_name: application });
    const long = nap(pool, 20, { query_timeout: 60 });
    const behind = shortReads(pool, 20);
    expect((await rejection(long.answer)).message).toBe("Query read timeout");
    expect(await behind.answers).toEqual(behind.values);
    await napping(side, application, false);
    await atRest(pool);
  });

  it("is not sent at all when it was aborted before", async () => {
    const pool = await riding(local, side);
    const abort = new AbortController();
    abort.abort(new Error("before"));
    const long = nap(pool, 20, { signal: abort.signal });
    expect((await rejection(long.answer)).message).toBe("before");
    expect(lanesOf(pool, side)).toMatchObject({ carried: 0, riding: 0 });
  });

  it("is not sent when it is aborted while it waits for room", async () => {
    const pool = await riding(local, side, { lanes: { ...forced, depth: 1 } });
    const first = nap(pool, 0.01);
    const abort = new AbortController();
    const value = newValue();
    const waiting = pool.query({ text: short, values: [value], signal: abort.signal });
    expect(lanesOf(pool, side).waiting).toBe(1);
    abort.abort(new Error("while it waits"));
    expect((await rejection(waiting)).message).toBe("while it waits");
    await first.answer;
    await atRest(pool);
    expect(timesSent(local, value)).toBe(0);
  });

  it("can be one of many that are given up at once", async () => {
    const pool = await riding(local, side, { lanes: { ...forced, max: 2 } });
    const abort = new AbortController();
    setMaxListeners(100, abort.signal);
    const kept: Promise<unknown>[] = [];
    const given: Promise<Error>[] = [];
    for (let n = 0; n < 40; n++) {
      if (n % 2 === 0) kept.push(shortReads(pool, 1).answers);
      else given.push(rejection(nap(pool, 0.2, { signal: abort.signal }).answer));
    }
    abort.abort(new Error("all"));
    expect(new Set((await Promise.all(given)).map(({ message }) => message))).toEqual(
      new Set(["all"]),
    );
    expect(await Promise.all(kept)).toHaveLength(20);
    await atRest(pool);
  });
});

describe.each(kinds)("a pool that is ended $name", ({ side }) => {
  it("answers those who ride behind a read that takes long", async () => {
    const pool = await riding(local, side);
    const long = nap(pool, 0.2);
    const behind = shortReads(pool, 5);
    expect(lanesOf(pool, side).riding).toBe(6);
    const ended = pool.end();
    expect(await behind.answers).toEqual(behind.values);
    expect((await long.answer).rows[0].value).toBe(long.value);
    await ended;
  });

  it("tells those who fail on a lane of their own failures", async () => {
    const pool = await riding(local, side);
    const failing = [1, 2].map(() => rejection(pool.query("select 1 / $1::int", [0])));
    const cast = rejection(pool.query("select $1::int as n", ["seven"]));
    const behind = shortReads(pool, 5);
    const ended = pool.end();
    const codes = (await Promise.all([...failing, cast])).map(({ code }) => code);
    expect(codes).toEqual(["22012", "22012", "22P02"]);
    expect(await behind.answers).toEqual(behind.values);
    await ended;
  });
});
