import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import type { Address } from "../src/address.ts";
import { Relay } from "../src/relay.ts";
import { until } from "./helpers.ts";

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

async function serverThat(handles: (socket: Socket) => void): Promise<Address> {
  const sockets = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket.on("error", () => {}));
    handles(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return { host: "127.0.0.1", port: (server.address() as { port: number }).port };
}

async function relayTo(target: () => Address): Promise<Relay> {
  const relay = await Relay.listen(target);
  closers.push(() => relay.close());
  return relay;
}

async function dial(address: Address): Promise<Socket> {
  const socket = connect({ host: address.host, port: address.port, allowHalfOpen: true });
  socket.on("error", () => {});
  closers.push(async () => socket.destroy());
  await once(socket, "connect");
  return socket;
}

async function received(socket: Socket): Promise<string> {
  let text = "";
  for await (const chunk of socket) text += chunk;
  return text;
}

const echo = (socket: Socket) => socket.pipe(socket);

test("bytes travel both ways and are counted", async () => {
  const target = await serverThat((socket) => socket.end("four"));
  const relay = await relayTo(() => target);
  const client = await dial(relay);
  client.end("three");
  expect(await received(client)).toBe("four");
  await until("the connection is closed", () => relay.connections === 0);
  expect(relay).toMatchObject({ accepted: 1, bytesToServer: 5, bytesToClient: 4 });
});

test("a flight is counted for each time the client speaks after the server spoke", async () => {
  const target = await serverThat(echo);
  const relay = await relayTo(() => target);
  const client = await dial(relay);
  expect(relay.flights).toBe(0);
  for (const flight of [1, 2, 3]) {
    client.write("?");
    await once(client, "data");
    expect(relay.flights).toBe(flight);
  }
});

test("what a client sends without waiting for an answer is one flight", async () => {
  const heard: string[] = [];
  const target = await serverThat((socket) => socket.on("data", (data) => heard.push(`${data}`)));
  const relay = await relayTo(() => target);
  const client = await dial(relay);
  for (const letter of "abc") {
    client.write(letter);
    await until(`the server has heard ${letter}`, () => heard.join("").endsWith(letter));
  }
  expect(heard).toHaveLength(3);
  expect(relay.flights).toBe(1);
});

test("flights of one connection are not hidden by another", async () => {
  const target = await serverThat(() => {});
  const relay = await relayTo(() => target);
  (await dial(relay)).write("?");
  (await dial(relay)).write("?");
  await until("both have been heard", () => relay.bytesToServer === 2);
  expect(relay.flights).toBe(2);
});

test("the target is asked anew for each connection", async () => {
  const targets = [
    await serverThat((socket) => socket.end("one")),
    await serverThat((socket) => socket.end("two")),
  ];
  const relay = await relayTo(() => targets.shift() as Address);
  expect(await received((await dial(relay)).end())).toBe("one");
  expect(await received((await dial(relay)).end())).toBe("two");
});

test("a client that has finished sending still gets its answer", async () => {
  const target = await serverThat((socket) => {
    let question = "";
    socket.on("data", (chunk) => {
      question += chunk;
    });
    socket.on("end", () => socket.end(`you said ${question}`));
  });
  const relay = await relayTo(() => target);
  const client = await dial(relay);
  client.end("hello");
  expect(await received(client)).toBe("you said hello");
});

test("a connection that the server resets is reset for the client", async () => {
  const target = await serverThat((socket) => socket.once("data", () => socket.resetAndDestroy()));
  const relay = await relayTo(() => target);
  const client = await dial(relay);
  client.write("?");
  const [error] = await once(client, "error");
  expect(error.code).toBe("ECONNRESET");
  await until("the connection is gone", () => relay.connections === 0);
});

test("a client that vanishes takes its connection to the server with it", async () => {
  let closed = false;
  const target = await serverThat((socket) => socket.resume().on("close", () => (closed = true)));
  const relay = await relayTo(() => target);
  const client = await dial(relay);
  client.write("?");
  await until("the server has heard", () => relay.bytesToServer === 1);
  client.resetAndDestroy();
  await until("the server's side is closed", () => closed);
});

test("a target that refuses breaks the connection, and the relay lives on", async () => {
  const gone = await serverThat(() => {});
  await closers.pop()?.();
  const alive = await serverThat((socket) => socket.end("here"));
  const targets = [gone, alive];
  const relay = await relayTo(() => targets.shift() as Address);
  const first = await dial(relay);
  await new Promise((resolve) => first.once("close", resolve));
  expect(await received((await dial(relay)).end())).toBe("here");
});

test("a client that does not read holds the server back", async () => {
  const chunk = Buffer.alloc(1 << 20);
  let sent = 0;
  const target = await serverThat((socket) => {
    const send = () => {
      while (sent < 200 && socket.write(chunk)) sent += 1;
    };
    socket.on("drain", send);
    send();
  });
  const relay = await relayTo(() => target);
  const client = await dial(relay);
  client.pause();
  let before = -1;
  await until("nothing moves any more", async () => {
    const still = relay.bytesToClient > 0 && relay.bytesToClient === before;
    before = relay.bytesToClient;
    await setTimeout(100);
    return still;
  });
  expect(relay.bytesToClient).toBeLessThan(100 << 20);
});

test("close breaks what is open, refuses what comes, and may be called again", async () => {
  const target = await serverThat(echo);
  const relay = await relayTo(() => target);
  const client = await dial(relay);
  client.write("?");
  await once(client, "data");
  await Promise.all([relay.close(), once(client, "end")]);
  await relay.close();
  const late = connect(relay.port, relay.host);
  const [error] = await once(late, "error");
  expect(error.code).toBe("ECONNREFUSED");
});

test("a port that is taken is told as such", async () => {
  const target = await serverThat(echo);
  await expect(Relay.listen(() => target, target.port)).rejects.toMatchObject({
    code: "PORT_IN_USE",
    message: expect.stringContaining(String(target.port)),
  });
});

test("a client that said goodbye while its way was blocked is let go when it is free", async () => {
  const ended: string[] = [];
  const target = await serverThat((socket) =>
    socket.on("end", () => socket.end(() => ended.push("the server"))).resume(),
  );
  const relay = await relayTo(() => target);
  relay.blackhole();
  const client = await dial(relay);
  client.end();
  await setTimeout(50);
  await relay.heal();
  await until("the server has heard of it", () => ended.length === 1);
  client.resume();
  await until("the connection is closed", () => relay.connections === 0);
});

test("what both sides do while nothing gets through is done in its order afterwards", async () => {
  const servers: Socket[] = [];
  let closed = 0;
  const target = await serverThat((socket) => {
    servers.push(socket.resume().on("close", () => closed++));
  });
  const relay = await relayTo(() => target);
  const client = await dial(relay);
  await until("the server has it", () => servers.length === 1);
  relay.blackhole();
  servers[0]?.end();
  await setTimeout(50);
  client.resetAndDestroy();
  await until("the client is gone", () => relay.connections === 0);
  expect(closed).toBe(0);
  await relay.heal();
  await until("the server is let go", () => closed === 1);
});
