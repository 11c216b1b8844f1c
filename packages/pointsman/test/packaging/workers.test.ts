import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { paused } from "../freshness/paused.ts";
import { localCluster, newMark } from "../support/local-cluster.ts";
import { until } from "../support/waiting.ts";

const program = fileURLToPath(new URL("programs/cluster-workers.ts", import.meta.url));

interface Reply {
  readonly worker: number;
  readonly token?: string;
  readonly count?: number;
  readonly server?: string;
}

describe("R33: workers of node:cluster, each with a pool of its own", () => {
  const local = localCluster({ readers: 1, schema: "create table notes (text text)" });
  let service: ChildProcess;
  let port: number;

  beforeAll(async () => {
    service = fork(program, {
      execArgv: ["--conditions=pointsman-source", "--import", "tsx"],
      env: {
        ...process.env,
        DATABASE_URL: local.cluster.writer.url,
        DATABASE_READER_URL: local.cluster.reader.url,
      },
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    [{ port }] = (await once(service, "message")) as [{ port: number }];
  });
  afterAll(() => service.kill("SIGKILL"));

  async function request(method: string, text: string, token?: string): Promise<Reply> {
    const response = await fetch(`http://127.0.0.1:${port}/?text=${encodeURIComponent(text)}`, {
      method,
      headers: { connection: "close", ...(token === undefined ? {} : { token }) },
    });
    const body = await response.text();
    expect(response.status, body).toBe(200);
    return JSON.parse(body);
  }

  /** Asks until both workers have answered. */
  async function ofBoth(ask: () => Promise<Reply>): Promise<Reply[]> {
    const replies = new Map<number, Reply>();
    await until("both workers have answered", async () => {
      const reply = await ask();
      replies.set(reply.worker, reply);
      return replies.size === 2;
    });
    return [...replies.values()];
  }

  async function order(what: "reload" | "stop") {
    service.send(what);
    const [{ exits }] = (await once(service, "message")) as [{ exits: object[] }];
    return exits;
  }

  const connections = async (): Promise<number> => {
    const admin = await local.connect();
    const { rows } = await admin.query(
      "select count(*)::int as n from pg_stat_activity where application_name = 'worker'",
    );
    await admin.end();
    return rows[0].n;
  };

  it("read from the reader", async () => {
    const replies = await ofBoth(() => request("GET", "nothing"));
    expect(replies.map(({ server }) => server)).toEqual(["reader1", "reader1"]);
  });

  it("see with a token what the other has written, though the reader is behind, and without it do not", async () => {
    const text = newMark();
    await paused(local.cluster, async () => {
      const written = await request("POST", text);
      const seen = await ofBoth(() => request("GET", text, written.token));
      expect(seen.map(({ count, server }) => [count, server])).toEqual([
        [1, "writer"],
        [1, "writer"],
      ]);
      const unaware = await request("GET", text);
      expect([unaware.count, unaware.server]).toEqual([0, "reader1"]);
    });
  });

  it("are replaced one after another without a request that fails, and end by themselves", async () => {
    let done = false;
    const load = (async () => {
      let answered = 0;
      for (; !done; answered += 1) {
        await request(answered % 2 === 0 ? "POST" : "GET", "during the reload");
      }
      return answered;
    })();
    const exits = await order("reload");
    done = true;
    expect(await load).toBeGreaterThan(0);
    expect(exits).toEqual([
      { code: 0, signal: null },
      { code: 0, signal: null },
    ]);
  }, 60_000);

  it("leave no connection behind, and the service ends when the last has gone", async () => {
    // Those of the writer are counted: the last workers may only have read so far.
    await ofBoth(() => request("POST", "before the end"));
    expect(await connections()).toBeGreaterThan(0);
    const exit = once(service, "exit");
    const exits = await order("stop");
    expect(exits).toEqual(Array(4).fill({ code: 0, signal: null }));
    expect(await exit).toEqual([0, null]);
    await until("nobody is connected", async () => (await connections()) === 0);
  });
});
