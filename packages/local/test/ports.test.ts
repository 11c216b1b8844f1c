import { once } from "node:events";
import { createServer } from "node:net";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { freePorts } from "../src/free-port.ts";
import { startCluster } from "../src/index.ts";
import { answer } from "./helpers.ts";

vi.mock("../src/free-port.ts", async (original) => {
  const actual = await original<typeof import("../src/free-port.ts")>();
  return { freePorts: vi.fn(actual.freePorts) };
});

let taken: number;
// Readers may knock on the wrong door before the mistake is noticed.
const occupier = createServer((socket) => socket.destroy());

beforeEach(async () => {
  occupier.listen(0, "127.0.0.1");
  await once(occupier, "listening");
  taken = (occupier.address() as { port: number }).port;
});

afterEach(async () => {
  vi.mocked(freePorts).mockClear();
  await new Promise((resolve) => occupier.close(resolve));
});

test.each([
  ["the writer", 0],
  ["a reader", 1],
])("a port that is snatched away from %s is replaced", async (_, position) => {
  const [free] = await freePorts(1);
  const snatched = [free as number, free as number].with(position, taken);
  vi.mocked(freePorts).mockClear();
  vi.mocked(freePorts).mockResolvedValueOnce(snatched);
  await using cluster = await startCluster({ readers: 1 });
  // Endpoints ask for theirs one by one.
  const forServers = vi.mocked(freePorts).mock.calls.filter(([count]) => count === 2);
  expect(forServers).toHaveLength(2);
  await answer(cluster.writer.url, "CREATE TABLE t AS SELECT 1 AS one");
  await cluster.waitForReplay();
  expect(await answer(cluster.reader.url, "SELECT one FROM t")).toBe(1);
});

test("portBase gives the endpoints ports in a row", async () => {
  const [base] = (await freePorts(1)) as [number];
  await using cluster = await startCluster({ readers: 1, portBase: base });
  const { writer, reader, servers } = cluster;
  expect([writer, reader, ...servers].map(({ port }) => port)).toEqual(
    [0, 1, 2, 3].map((offset) => base + offset),
  );
});

test("a portBase that is taken is told as such", async () => {
  await expect(startCluster({ readers: 0, portBase: taken })).rejects.toMatchObject({
    code: "PORT_IN_USE",
  });
});
