import { expect, it, onTestFinished } from "vitest";
import { CuttableRelay } from "../support/cuttable-relay.ts";
import { here, localCluster } from "../support/local-cluster.ts";

const local = localCluster({ readers: 2 });

it("what was said of the first reader alone does not hold for the others", async () => {
  const [first, second] = local.cluster.readers;
  if (first === undefined || second === undefined) throw new Error("there are no two readers");
  const relay = new CuttableRelay(first);
  await relay.open("127.0.0.5");
  onTestFinished(() => relay.close(), 1000);
  const pool = local.pool({
    readers: [
      `${relay.url(first.url)}?hostaddr=127.0.0.5&application_name=only-the-first`,
      second.url,
    ],
    application_name: "all",
    consistency: "eventual",
    readerPool: { max: 4 },
  });
  const reads = Array.from({ length: 4 }, () =>
    pool.query(`select ${here} as server, current_setting('application_name') as name`),
  );
  const rows = (await Promise.all(reads)).map(({ rows: [row] }) => `${row.server} ${row.name}`);
  expect(new Set(rows)).toEqual(new Set(["reader1 only-the-first", "reader2 all"]));
});

it("connections of the readers' side that lead to the writer are allowed, and counted", async () => {
  const pool = local.pool({ reader: local.cluster.writer.url });
  expect((await pool.query(`select ${here} as server`)).rows).toEqual([{ server: "writer" }]);
  expect(pool.stats().reader).toMatchObject({ total: 1, onWriter: 1 });
  const other = local.pool();
  await other.query("select 1");
  expect(other.stats().reader).toMatchObject({ total: 1, onWriter: 0 });
});

it("what was said of the writer alone does not hold for readers that may be promoted", async () => {
  const [next] = local.cluster.readers;
  if (next === undefined) throw new Error("there is no reader");
  const relay = new CuttableRelay(local.cluster.servers[0]);
  await relay.open("127.0.0.5");
  const pool = local.pool({
    writer: `${relay.url(local.cluster.writer.url)}?hostaddr=127.0.0.5`,
    readers: local.cluster.readers.map(({ url }) => url),
  });
  await pool.query("create table if not exists moved (id int)");
  await relay.close();
  await local.cluster.promote(next);
  await pool.query("insert into moved values (1)");
  const { rows } = await pool.query({ text: `select ${here} as server`, target: "writer" });
  expect(rows).toEqual([{ server: "reader1" }]);
});
