import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { breakOff } from "../src/break-off.ts";
import { listen } from "../src/listen.ts";

let pair: { readonly near: Socket; readonly far: Socket };
let close: () => void;

beforeEach(async () => {
  const server = createServer({ allowHalfOpen: true });
  const port = await listen(server, 0);
  const far = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  const [near] = (await once(server, "connection")) as [Socket];
  for (const socket of [near, far]) socket.on("error", () => {});
  pair = { near, far };
  close = () => {
    for (const socket of [near, far]) socket.destroy();
    server.close();
  };
});
afterEach(() => close());

it("breaks a connection so that the other side sees an error", async () => {
  const seen = once(pair.far, "error").catch((error: unknown) => [error]);
  const closed = once(pair.near, "close");
  pair.far.resume();
  breakOff(pair.near);
  await closed;
  expect(await seen).toMatchObject([{ code: "ECONNRESET" }]);
});

it.each<[when: string, end: (socket: Socket) => void]>([
  ["is just saying goodbye", (socket) => socket.end()],
  ["has words to send before it says goodbye", (socket) => socket.end(Buffer.alloc(1 << 20))],
])("frees a connection that %s", async (_, end) => {
  const closed = once(pair.near, "close");
  end(pair.near);
  breakOff(pair.near);
  await closed;
  expect(pair.near.destroyed).toBe(true);
});

it("frees a connection that has said goodbye", async () => {
  const [closed, finished] = [once(pair.near, "close"), once(pair.near, "finish")];
  pair.near.end();
  await finished;
  breakOff(pair.near);
  await closed;
  expect(pair.near.destroyed).toBe(true);
});
