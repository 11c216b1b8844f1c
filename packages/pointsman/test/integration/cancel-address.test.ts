import { once } from "node:events";
import { type AddressInfo, connect, createServer, Socket } from "node:net";
import type { Address, Server } from "@pointsman/local";
import type { EndpointOption } from "pointsman";
import { describe, expect, it, onTestFinished } from "vitest";
import { localCluster, newMark } from "../support/local-cluster.ts";
import { until } from "../support/waiting.ts";

const local = localCluster({ readers: 2 });

/** Sockets of an endpoint whose every new connection reaches the next of some servers. */
class NextServer extends Socket {
  readonly #address: Address;

  constructor(address: Address) {
    super();
    this.#address = address;
  }

  override connect(..._asConfigured: unknown[]): this {
    const { host, port } = this.#address;
    return super.connect({ host, port });
  }
}

/** What answers at the configured host and port: nobody who runs a statement of these tests. */
async function decoy(): Promise<{ readonly port: number; connections(): number }> {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.on("error", () => {});
    socket.resume();
    socket.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, connections: () => connections };
}

/**
 * A way to a server that hands a request to cancel on as PgBouncer does: later, and not at all when
 * its sender has hung up meanwhile.
 */
async function patientRelay(to: Address): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const onward = connect({ port: to.port, host: to.host });
    for (const socket of [client, onward]) {
      socket.on("error", () => {});
      socket.on("close", () => {
        client.destroy();
        onward.destroy();
      });
    }
    client.once("data", (first) => {
      const cancels = first.length === 16 && first.readInt32BE(4) === 80877102;
      const goOn = (): void => {
        onward.write(first);
        client.pipe(onward).pipe(client);
      };
      if (!cancels) goOn();
      else {
        client.on("end", () => client.destroy());
        setTimeout(() => client.destroyed || goOn(), 50);
      }
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

function leadingTo(servers: readonly Server[], port: number): EndpointOption {
  const { username, password, pathname } = new URL(local.cluster.writer.url);
  let next = 0;
  return {
    host: "127.0.0.1",
    port,
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    database: pathname.slice(1),
    stream: () => {
      const server = servers[next % servers.length] as Server;
      next += 1;
      return new NextServer(server.direct);
    },
  };
}

/** The servers on which a statement with this mark runs now. */
async function runningOn(servers: readonly Server[], mark: string): Promise<string[]> {
  const found: string[] = [];
  for (const { name, direct } of servers) {
    const admin = await local.connect(direct.url);
    const { rowCount } = await admin.query(
      "select from pg_stat_activity where state = 'active' and query like $1 and pid <> pg_backend_pid()",
      [`%${mark}%`],
    );
    await admin.end();
    if (rowCount !== 0) found.push(name);
  }
  return found;
}

const text = (mark: string) => `${mark} select pg_sleep(20)`;

describe("R12: a cancellation goes to the address that the socket has reached", () => {
  it("behind an endpoint that leads each new connection to another reader, every time", async () => {
    const { readers } = local.cluster;
    const wrong = await decoy();
    const pool = local.pool({
      writer: local.cluster.writer.url,
      reader: leadingTo(readers, wrong.port),
      // On a lane what is not cancelled may run twice.
      lanes: false,
      max: 4,
    });
    for (let round = 0; round < 5; round++) {
      const running = await Promise.all(
        Array.from({ length: 4 }, async () => {
          const abort = new AbortController();
          const mark = newMark();
          const answer = pool
            .query({ text: text(mark), signal: abort.signal })
            .then(() => "finished", String);
          const [place] = await until("it runs", async () => {
            const places = await runningOn(readers, mark);
            return places.length > 0 && places;
          });
          return { abort, mark, answer, place };
        }),
      );
      expect(new Set(running.map(({ place }) => place)).size).toBe(2);
      for (const [index, { abort, mark, answer }] of running.entries()) {
        const start = performance.now();
        abort.abort(`number ${index}`);
        expect(await answer).toBe(`number ${index}`);
        expect(performance.now() - start).toBeLessThan(3000);
        await until("it runs no longer", async () => {
          return (await runningOn(readers, mark)).length === 0;
        });
        for (const later of running.slice(index + 1)) {
          expect(await runningOn(readers, later.mark)).toEqual([later.place]);
        }
      }
    }
    expect(wrong.connections()).toBe(0);
    // All of them are the first four connections still.
    expect(pool.stats().reader?.total).toBe(4);
  });

  it("with one server, on a checked-out client", async () => {
    const [writer] = local.cluster.servers.filter(({ name }) => name === "writer");
    const wrong = await decoy();
    const pool = local.pool({
      writer: leadingTo([writer as Server], wrong.port),
      reader: undefined,
    });
    const client = await pool.connect();
    onTestFinished(() => client.release());
    for (let round = 0; round < 5; round++) {
      const abort = new AbortController();
      const mark = newMark();
      const answer = client
        .query({ text: text(mark), signal: abort.signal })
        .then(() => "finished", String);
      await until("it runs", async () => {
        return (await runningOn([writer as Server], mark)).length > 0;
      });
      abort.abort(`round ${round}`);
      expect(await answer).toBe(`round ${round}`);
    }
    expect(wrong.connections()).toBe(0);
  });
});

describe("a statement that waits on the same connection behind an aborted one", () => {
  it("R12: is not hit, since the one before it is left to finish", async () => {
    const pool = local.pool({ reader: undefined, max: 1 });
    const client = await pool.connect();
    onTestFinished(() => client.release());
    const [writer] = local.cluster.servers.filter(({ name }) => name === "writer");
    for (let round = 0; round < 3; round++) {
      const abort = new AbortController();
      const mark = newMark();
      const first = client.query({
        text: `${mark} select pg_sleep(0.3), 1 as one`,
        signal: abort.signal,
      });
      const behind = client.query("select pg_sleep(0.05), 2 as two");
      await until("it runs", async () => {
        return (await runningOn([writer as Server], mark)).length > 0;
      });
      abort.abort("too late");
      expect((await first).rows[0].one).toBe(1);
      expect((await behind).rows[0].two).toBe(2);
    }
  });

  it("R12: is itself taken out of the queue when it is aborted there", async () => {
    const pool = local.pool({ reader: undefined, max: 1 });
    const client = await pool.connect();
    onTestFinished(() => client.release());
    const abort = new AbortController();
    const mark = newMark();
    const first = client.query("select pg_sleep(0.1), 1 as one");
    const waiting = client
      .query({ text: `${mark} select 2 as two`, signal: abort.signal })
      .then(() => "answered", String);
    const last = client.query("select 3 as three");
    abort.abort("not any more");
    expect(await waiting).toBe("not any more");
    expect((await first).rows[0].one).toBe(1);
    expect((await last).rows[0].three).toBe(3);
    expect(local.reached(mark)).toEqual([]);
  });

  it("waits for its end, since a pooler drops the request of whoever has hung up", async () => {
    const [writer] = local.cluster.servers.filter(({ name }) => name === "writer");
    const url = new URL(local.cluster.writer.url);
    url.port = String(await patientRelay((writer as Server).direct));
    const pool = local.pool({ writer: url.href, reader: undefined });
    const abort = new AbortController();
    const mark = newMark();
    const answer = pool
      .query({ text: text(mark), signal: abort.signal })
      .then(() => "finished", String);
    const runs = async () => (await runningOn([writer as Server], mark)).length > 0;
    await until("it runs", runs);
    abort.abort("enough");
    expect(await answer).toBe("enough");
    await until("it runs no longer", async () => !(await runs()));
  });
});
