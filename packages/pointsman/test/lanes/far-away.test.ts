import { expect, it, onTestFinished } from "vitest";
import { localCluster } from "../support/local-cluster.ts";
import { forced, lanesOf, riding } from "./forced.ts";

const local = localCluster({
  readers: 1,
  schema: "create table books (id int primary key, stock int); insert into books values (1, 7)",
});

const stockOf = "select stock from books where id = $1";

/** From now on what is sent to the reader arrives so much later, and its answers, too. */
function farAway(millis: number): void {
  const { reader } = local.cluster;
  reader.slow(millis);
  onTestFinished(() => reader.heal());
}

// Where the machine stands still for 20 ms reads go elsewhere, as they should.
it("reads ride to a server that is far away, and none is taken for one that is stuck", {
  retry: 2,
}, async () => {
  const pool = await riding(local, "reader", { lanes: { ...forced, after: 2 } });
  farAway(20);
  for (let n = 0; n < 3; n++) await pool.query(stockOf, [1]);
  const before = lanesOf(pool, "reader").carried;
  for (let round = 0; round < 3; round++) {
    const answers = await Promise.all(Array.from({ length: 20 }, () => pool.query(stockOf, [1])));
    expect(answers).toHaveLength(20);
  }
  const { carried, moved } = lanesOf(pool, "reader");
  expect({ carried: carried - before, moved }).toEqual({ carried: 60, moved: 0 });
});

it("the way to the server does not make a text look long", { retry: 2 }, async () => {
  const pool = await riding(local, "reader", { lanes: { ...forced, after: 2 } });
  farAway(4);
  for (let n = 0; n < 2; n++) await pool.query(stockOf, [1]);
  for (let n = 0; n < 120; n++) await pool.query(stockOf, [1]);
  expect(lanesOf(pool, "reader").carried).toBe(120);
});

it("a read that takes long is noticed, however far away its server is", async () => {
  const pool = await riding(local, "reader", { lanes: { ...forced, after: 2 } });
  farAway(10);
  const naps = "select pg_sleep($1) is null as slept";
  for (let n = 0; n < 4; n++) await pool.query(naps, [0]);
  for (let n = 0; n < 4; n++) await pool.query(stockOf, [1]);
  const long = pool.query(naps, [1]);
  expect(lanesOf(pool, "reader").riding).toBe(1);
  const behind = Promise.all([1, 1, 1].map((id) => pool.query(stockOf, [id])));
  const first = await Promise.race([long.then(() => "the long one"), behind]);
  expect(first).toHaveLength(3);
  await long;
});
