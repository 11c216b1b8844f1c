import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { Certificates } from "../src/iam/certificates.ts";
import { Gatekeeper } from "../src/iam/gatekeeper.ts";
import { GatewayEndpoint } from "../src/iam/gateway-endpoint.ts";
import { type IamCluster, type IamEndpoint, type IamGateway, startCluster } from "../src/index.ts";
import { until } from "./helpers.ts";
import { logIn, tokenFor } from "./iam-helpers.ts";

let cluster: IamCluster;
let iam: IamGateway;
beforeAll(async () => {
  cluster = await startCluster({ readers: 2, iam: true });
  iam = cluster.iam;
});
afterAll(() => cluster?.stop());

const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

async function dial({ port }: { port: number }): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
  socket.on("error", () => {});
  sockets.push(socket);
  await once(socket, "connect");
  return socket;
}

/** All that a peer sends until it closes the connection. */
async function received(socket: Socket): Promise<string> {
  let text = "";
  socket.on("data", (chunk) => {
    text += chunk.toString("latin1");
  });
  if (!socket.closed && !socket.readableEnded) {
    await Promise.race([once(socket, "end"), once(socket, "close")]);
  }
  return text;
}

async function encrypted(
  socket: Socket,
  endpoint: IamEndpoint,
  options: { readonly ALPNProtocols?: string[] } = {},
): Promise<TLSSocket> {
  const stream = connectTls({
    socket,
    servername: endpoint.hostname,
    ca: iam.ca,
    ...options,
  });
  await once(stream, "secureConnect");
  stream.on("error", () => {});
  return stream;
}

function packet(code: number, text: string | Uint8Array = ""): Buffer {
  const body = typeof text === "string" ? Buffer.from(text, "latin1") : text;
  const head = Buffer.alloc(8);
  head.writeInt32BE(8 + body.length, 0);
  head.writeInt32BE(code, 4);
  return Buffer.concat([head, body]);
}

const VERSION_3 = 196608;
const CANCEL = 80877102;
const TLS_REQUEST = packet(80877103);
const GSS_REQUEST = packet(80877104);
const startUp = (user: string) => packet(VERSION_3, `user\0${user}\0database\0app\0\0`);
const ASKS_FOR_PASSWORD = "R\0\0\0\b\0\0\0\x03";

async function afterTlsRequest(endpoint: IamEndpoint): Promise<TLSSocket> {
  const socket = await dial(endpoint);
  socket.write(TLS_REQUEST);
  expect(String((await once(socket, "data"))[0])).toBe("S");
  return encrypted(socket, endpoint);
}

describe("a start-up", () => {
  test("asks for a password in clear text inside TLS", async () => {
    const stream = await afterTlsRequest(iam.writer);
    stream.write(startUp(iam.user));
    expect((await once(stream, "data"))[0].toString("latin1")).toBe(ASKS_FOR_PASSWORD);
  });

  test("that asks for GSS encryption is told N, and goes on with TLS", async () => {
    const socket = await dial(iam.writer);
    socket.write(GSS_REQUEST);
    expect(String((await once(socket, "data"))[0])).toBe("N");
    socket.write(TLS_REQUEST);
    expect(String((await once(socket, "data"))[0])).toBe("S");
    const stream = await encrypted(socket, iam.writer);
    stream.write(startUp(iam.user));
    expect((await once(stream, "data"))[0].toString("latin1")).toBe(ASKS_FOR_PASSWORD);
  });

  test("that comes byte by byte is understood", async () => {
    const stream = await afterTlsRequest(iam.writer);
    stream.setNoDelay(true);
    for (const byte of startUp(iam.user)) {
      await new Promise((resolve) => stream.write(Buffer.of(byte), resolve));
    }
    expect((await once(stream, "data"))[0].toString("latin1")).toBe(ASKS_FOR_PASSWORD);
  });

  test("with TLS at once gets in, by the protocol's name", async () => {
    const config = { ...iam.writer.pgConfig, sslnegotiation: "direct" as const };
    const client = new pg.Client({ ...config, password: await tokenFor(iam, iam.writer) });
    await client.connect();
    expect((await client.query("SELECT current_user AS me")).rows).toEqual([{ me: iam.user }]);
    await client.end();
  });

  test("with TLS at once and no protocol's name is not answered", async () => {
    const stream = await encrypted(await dial(iam.writer), iam.writer);
    stream.write(startUp(iam.user));
    expect(await received(stream)).toBe("");
  });

  test("with something in clear text behind the request for TLS is not answered", async () => {
    const socket = await dial(iam.writer);
    socket.write(Buffer.concat([TLS_REQUEST, startUp(iam.user)]));
    expect(await received(socket)).toBe("");
  });

  test.each([
    ["HTTP", Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")],
    ["zeros", Buffer.alloc(64)],
    ["a negative length", Buffer.alloc(64, 0xff)],
    ["more than 10000 bytes", packet(VERSION_3, `user\0${"x".repeat(10_000)}\0\0`)],
    ["protocol 2", packet(131072, "user\0app\0\0")],
    ["no end", packet(VERSION_3, "user\0app\0")],
    ["a name without a value", packet(VERSION_3, "user\0app\0database\0\0")],
    ["something behind the end", packet(VERSION_3, "user\0app\0\0user\0x\0")],
    ["a name that is no UTF-8", packet(VERSION_3, "user\0\xff\xfe\0\0")],
    ["no TLS in a TLS handshake", Buffer.concat([Buffer.of(0x16), Buffer.alloc(200, 7)])],
    ["a request for TLS that is too long", packet(80877103, "more")],
    ["a key that nobody has", packet(CANCEL, "\0\0\0\x01\0\0\0\x02")],
  ])("with %s ends the connection and nothing else", async (_what, bytes) => {
    for (const tls of [false, true]) {
      const socket = tls ? await afterTlsRequest(iam.writer) : await dial(iam.writer);
      socket.on("error", () => {});
      socket.write(bytes);
      // Of TLS, an alert may be left.
      expect((await received(socket)).length).toBeLessThan(20);
    }
    await (await logIn(iam, iam.writer)).end();
  });

  test("without a user, or with one that does not exist, is the server's to refuse", async () => {
    const socket = await dial(iam.writer);
    socket.write(packet(VERSION_3, "database\0app\0\0"));
    expect(await received(socket)).toContain("no PostgreSQL user name specified");
  });

  test("that is followed by something else than a password ends the connection", async () => {
    for (const answer of ["Q\0\0\0\x05\0", "p\0\0\0\x04", "p\x7f\xff\xff\xff", "p\0\0\0\x05x"]) {
      const stream = await afterTlsRequest(iam.writer);
      stream.write(startUp(iam.user));
      await once(stream, "data");
      stream.write(Buffer.from(answer, "latin1"));
      expect(await received(stream)).toBe("");
    }
  });

  test("that the client gives up half way leaves nothing behind", { timeout: 5_000 }, async () => {
    await until("all are gone", () => iam.writer.connections === 0);
    for (const bytes of [Buffer.alloc(0), TLS_REQUEST, startUp("x").subarray(0, 11)]) {
      (await dial(iam.writer)).end(bytes);
    }
    const inside = await afterTlsRequest(iam.writer);
    inside.end(startUp(iam.user));
    await until("all are gone", () => iam.writer.connections === 0);
  });
});

test("a client that does not log in in time is gone", async () => {
  const hostname = "localhost";
  const certificates = new Certificates([hostname]);
  const endpoint = await GatewayEndpoint.listen({
    hostname,
    port: 0,
    target: () => ({
      address: { host: "127.0.0.1", port: cluster.servers[0]?.direct.port ?? 0 },
      socketPath: "/nowhere",
      needsToken: async () => true,
    }),
    secureContext: () => certificates.context("valid"),
    gatekeeper: new Gatekeeper("eu-west-2", () => undefined),
    loginTimeoutMs: 100,
  });
  try {
    const silent = await dial(endpoint);
    const slow = await dial(endpoint);
    slow.write(startUp("x").subarray(0, 5));
    const beforeTls = await dial(endpoint);
    beforeTls.write(TLS_REQUEST);
    expect(await Promise.all([silent, slow, beforeTls].map(received))).toEqual(["", "", "S"]);
    await until("all are gone", () => endpoint.connections === 0);
  } finally {
    await endpoint.close();
  }
});

describe("a request to cancel", () => {
  /** The process and secret of a client's backend, as the server told them. */
  const keyOf = (client: pg.Client): Buffer => {
    const { processID, secretKey } = client as pg.Client & { processID: number; secretKey: number };
    const key = Buffer.alloc(8);
    key.writeInt32BE(processID, 0);
    key.writeInt32BE(secretKey, 4);
    return key;
  };

  test.each([
    ["over TLS, through the writer endpoint", () => iam.writer, true],
    ["over TLS, through the reader endpoint", () => iam.reader, true],
    ["in clear text, through the reader endpoint", () => iam.reader, false],
  ])("%s reaches the statement, and no other", async (_how, endpoint, tls) => {
    const clients = await Promise.all([1, 2, 3].map(() => logIn(iam, endpoint())));
    try {
      const sleeps = clients.map((client) =>
        client.query("SELECT pg_sleep(60)").then(
          () => "done",
          (error) => error.code,
        ),
      );
      const counting =
        "SELECT count(*)::int AS n FROM pg_stat_activity WHERE query LIKE '%sleep(60)'";
      const asleep = async () => {
        const servers = endpoint() === iam.writer ? iam.servers.slice(0, 1) : iam.servers.slice(1);
        let count = 0;
        for (const server of servers) {
          const client = await logIn(iam, server);
          const { rows } = await client.query(
            `${counting} AND state = 'active' AND pid <> pg_backend_pid()`,
          );
          count += rows[0].n;
          await client.end();
        }
        return count;
      };
      await until("all are asleep", async () => (await asleep()) === 3);
      const cancel = async (client: pg.Client) => {
        const socket = tls ? await afterTlsRequest(endpoint()) : await dial(endpoint());
        socket.write(packet(CANCEL, keyOf(client)));
        expect(await received(socket)).toBe("");
      };
      await cancel(clients[1] as pg.Client);
      expect(await sleeps[1]).toBe("57014");
      expect(await asleep()).toBe(2);
      await Promise.all([clients[0], clients[2]].map((client) => cancel(client as pg.Client)));
      expect(await Promise.all(sleeps)).toEqual(["57014", "57014", "57014"]);
    } finally {
      await Promise.all(clients.map((client) => client.end()));
    }
  });
});

test("a connection that the server ends with an error, or that breaks, is so for the client", async () => {
  const client = await logIn(iam, iam.writer);
  const ended = new Promise<string>((resolve) =>
    client.once("error", (error) => resolve(error.message)),
  );
  const other = await logIn(iam, iam.writer);
  const { rows } = await client.query("SELECT pg_backend_pid() AS pid");
  await other.query("SELECT pg_terminate_backend($1)", [rows[0].pid]);
  expect(await ended).toMatch(/terminating connection|Connection terminated/);
  await other.end();
  await until("all are gone", () => iam.writer.connections === 0);
});

test("much data goes both ways unchanged", async () => {
  const client = await logIn(iam, iam.writer);
  const text = "x".repeat(20_000_000);
  const { rows } = await client.query("SELECT $1::text || 'y' AS t", [text]);
  expect(rows[0].t === `${text}y`).toBe(true);
  await client.end();
});
