import { once } from "node:events";
import { rmSync, symlinkSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { figuresOf } from "../../src/top/figures.ts";
import { History } from "../../src/top/history.ts";
import { SourceError } from "../../src/top/reading.ts";
import { SocketSource } from "../../src/top/socket-source.ts";

const row = { text: "select ?", role: "reader", reason: "plain-read", count: 1 };
const told = (pid: number, changes: object = {}): string =>
  JSON.stringify({
    ...{ version: 1, pid, pool: "db:5432/shop", at: 0, uptimeMs: 60_000, samples: [] },
    ...{ slowest: [{ ...row, meanMs: 1, maxMs: 1, totalMs: 1 }], ...changes },
  });

async function ownDirectory(): Promise<string> {
  const own = await mkdtemp(join(tmpdir(), "top-"));
  onTestFinished(() => rmSync(own, { recursive: true }));
  return own;
}

/** What answers on the socket of a process. @returns has it answer something else */
async function answering(folder: string, pid: number, first: string) {
  let text = first;
  const server = createServer((socket) => socket.end(text));
  server.listen(join(folder, `pointsman-${pid}-1.sock`));
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
  });
  return (next: string): void => {
    text = next;
  };
}

const patience = 2000;

test("of sockets that cannot be read it is told whose they are, and why, beside those that can", async () => {
  const folder = await ownDirectory();
  await answering(folder, 1, told(1));
  await answering(folder, 2, told(2, { version: 2 }));
  await answering(folder, 3, "hello");
  await answering(folder, 4, JSON.stringify({ version: 1 }));
  const loop = join(folder, "pointsman-5-1.sock");
  symlinkSync(loop, loop);
  const reading = await new SocketSource(folder, patience).read();
  expect(reading.parts.map(({ pid }) => pid)).toEqual([1]);
  expect(reading.leftOut).toEqual([
    { who: "2", problem: "its numbers are in form 2, not 1" },
    { who: "3", problem: "what answers there is no pool of Pointsman" },
    { who: "4", problem: "what answers there is no pool of Pointsman" },
    { who: "5", problem: expect.stringContaining("ELOOP") },
  ]);
  expect(figuresOf(reading).leftOut).toEqual(reading.leftOut);
});

test("a process whose socket cannot be read any more is not gone", async () => {
  const folder = await ownDirectory();
  await answering(folder, 1, told(1));
  const deploy = await answering(folder, 2, told(2));
  const source = new SocketSource(folder, patience);
  const history = new History();
  history.add(await source.read());
  deploy(told(2, { version: 2 }));
  history.add(await source.read());
  expect(history.gone).toEqual([]);
  expect(history.figures()).toMatchObject({ processes: [1], leftOut: [{ who: "2" }] });
});

test("where no socket can be read, what to do is said", async () => {
  const folder = await ownDirectory();
  await answering(folder, 2, told(2, { version: 2 }));
  await expect(new SocketSource(folder, patience).read()).rejects.toThrow(
    new SourceError(
      `${folder} cannot be read: its numbers are in form 2, not 1. Use the version of pointsman that the application has.`,
    ),
  );
});

test.each([
  ["no texts besides the slowest", {}, 1],
  ["others", { others: [[2, 1, 1.5]] }, 1],
  ["others of which not all is told", { others: [[2, 1]] }, 0],
  ["others that are none", { others: [{}] }, 0],
  ["a number of a row that is none", { slowest: [{ ...row, maxMs: 1, totalMs: 1, id: "1" }] }, 0],
])("a pool that tells %s", async (_, changes, parts) => {
  const folder = await ownDirectory();
  await answering(folder, 1, told(1));
  await answering(folder, 2, told(2, changes));
  const reading = await new SocketSource(folder, patience).read();
  expect(reading.parts).toHaveLength(1 + parts);
});
