import { createServer, type Server } from "node:net";
import { type Cluster, type Reader, startCluster } from "@pointsman/local";
import { Client, type QueryResult } from "pg";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { type Ended, runCli, startCli, unwrapped } from "./helpers.ts";

let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster({ readers: 1 });
  await query("create table books (id int)");
  await cluster.waitForReplay();
});

afterAll(async () => {
  await cluster?.stop();
});

async function query(text: string, { writer } = cluster): Promise<QueryResult> {
  const client = new Client(writer.url);
  await client.connect();
  const result = await client.query(text);
  await client.end();
  return result;
}

const both = () => ({
  DATABASE_URL: cluster.writer.url,
  DATABASE_READER_URL: cluster.reader.url,
});

/** The table, with each finding and its remedy on one line, and how it ended. */
async function doctor(
  environment: object,
  ...options: string[]
): Promise<Ended & { lines: string[] }> {
  const ended = await runCli(["doctor", ...options], environment);
  return { ...ended, lines: unwrapped(ended.stdout).split("\n") };
}

/** The lines of one mark, without the mark. */
function marked(lines: readonly string[], mark: "ok" | "look" | "bad" | "skipped"): string[] {
  const start = new RegExp(`^  \\S ${mark} +`);
  return lines.filter((line) => start.test(line)).map((line) => line.replace(start, ""));
}

function changed(url: string, change: (url: URL) => void): string {
  const parsed = new URL(url);
  change(parsed);
  return parsed.href;
}

/** A server that is none of PostgreSQL: what it answers to everything. */
async function serving(answer: string | undefined): Promise<string> {
  const server: Server = createServer((socket) => {
    socket.on("error", () => {});
    if (answer !== undefined) socket.once("data", () => socket.end(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
  });
  const { port } = server.address() as { port: number };
  return `postgres://app:s3cr3t-word@127.0.0.1:${port}/app`;
}

describe("a cluster where all is well", () => {
  test("is green from top to bottom", async () => {
    const { status, stdout, stderr } = await doctor(both());
    const reader = cluster.reader.port;
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(normal(stdout)).toBe(`
writer  127.0.0.1:${cluster.writer.port}
  ✓ ok       configuration  database app, user app, no auth, no TLS, up to 10
                            connections
  ✓ ok       DNS            none needed: 127.0.0.1 is an address
  ✓ ok       TCP            connected in N ms
  ✓ ok       TLS            off, and the server is on this machine
  ✓ ok       credentials    none needed: there is no auth
  ✓ ok       password       from the URL
  ✓ ok       login          as app in N ms
  ✓ ok       clock          agrees with the server's
  ✓ ok       role           the writer
  ✓ ok       version        PostgreSQL ${cluster.version}
  ✓ ok       privileges     app, a superuser: may read 1 and write 1 of 1 tables
  ✓ ok       read-only      can be written to

reader  127.0.0.1:${reader}
  ✓ ok       configuration  database app, user app, no auth, no TLS, up to 10
                            connections
  ✓ ok       DNS            none needed: 127.0.0.1 is an address
  ✓ ok       TCP            connected in N ms
  ✓ ok       TLS            off, and the server is on this machine
  ✓ ok       credentials    none needed: there is no auth
  ✓ ok       password       from the URL
  ✓ ok       login          as app in N ms
  ✓ ok       clock          agrees with the server's
  ✓ ok       role           a reader
  ✓ ok       version        PostgreSQL ${cluster.version}
  ✓ ok       privileges     app, a superuser: may read 1 of 1 tables
  ✓ ok       read-only      read-only, as a standby is
  ✓ ok       lag            none: all that the writer has written is applied
  ✓ ok       freshness      WAL positions: proved after N ms

together
  ✓ ok       same cluster   one and the same on both sides (system identifier
                            I)
  ✓ ok       connections    one process opens up to 10 + 10 of 197
                            (max_connections 200, 3 reserved)

28 ok
`);
  });

  test("is told to programs as one JSON object", async () => {
    const { status, stdout } = await doctor(both(), "--json");
    expect(status).toBe(0);
    expect(stdout.trimEnd().split("\n")).toHaveLength(1);
    const report = JSON.parse(stdout);
    expect(report.status).toBe("ok");
    expect(report.endpoints.map(({ side }: { side: string }) => side)).toEqual([
      "writer",
      "reader",
    ]);
    expect(report.endpoints[1].checks.at(-1)).toEqual({
      check: "freshness",
      mark: "ok",
      found: expect.stringMatching(/^WAL positions: proved after \d+ ms$/),
      milliseconds: expect.any(Number),
    });
    expect(report.together.map(({ check }: { check: string }) => check)).toEqual([
      "same cluster",
      "connections",
    ]);
  });

  test.each([
    ["segment", ["select pg_switch_wal()"], 40],
    [
      "page",
      [
        "select pg_switch_wal()",
        "select pg_logical_emit_message(false, '', repeat('x', 8192 - 40 - 56))",
      ],
      24,
    ],
  ])("proves freshness behind a %s of WAL that is full", async (_, filling, header) => {
    // Behind the header of the next one, where no reader gets to.
    await vi.waitFor(async () => {
      for (const text of filling) await query(text);
      const { rows } = await query(
        "select ((pg_current_wal_insert_lsn() - '0/0') % 8192)::int as place",
      );
      expect(rows[0].place).toBe(header);
    });
    const { lines } = await doctor(both(), "--timeout=2");
    expect(marked(lines, "ok")).toContainEqual(
      expect.stringMatching(/^freshness +WAL positions: proved after \d+ ms$/),
    );
  });

  test("needs no reader", async () => {
    const { status, lines } = await doctor({ DATABASE_URL: cluster.writer.url });
    expect(status).toBe(0);
    expect(marked(lines, "ok")).toContain(
      "same cluster   there is only one side: DATABASE_READER_URL is not set",
    );
    expect(marked(lines, "ok")).toContain(
      "connections    one process opens up to 10 of 197 (max_connections 200, 3 reserved)",
    );
  });

  test.each(["doctor", "doctor --json"])("ends as ever when nobody reads on: %s", async (line) => {
    const running = startCli(line.split(" "), both());
    running.child.stdout?.destroy();
    expect(await running.ended).toMatchObject({ status: 0, stderr: "" });
  });

  test("opens what it needs and leaves nothing open", async () => {
    await doctor(both());
    expect(cluster.writer.connections + cluster.reader.connections).toBe(0);
  });
});

/** What differs from run to run. */
function normal(table: string): string {
  return table.replaceAll(/\d+ ms/g, "N ms").replace(/\d{15,}/, "I");
}

describe("what is bad is told with its remedy, and ends with 1", () => {
  test("a reader that is down", async () => {
    const url = changed(cluster.reader.url, (it) => {
      it.port = "1";
    });
    const { status, lines } = await doctor({ ...both(), DATABASE_READER_URL: url });
    expect(status).toBe(1);
    expect(marked(lines, "bad")).toEqual([
      "TCP            127.0.0.1:1 refuses connections Nothing listens there. Is the server running, and is 1 its port? This is the machine itself: inside a container the database's host has another name.",
    ]);
    expect(marked(lines, "skipped")).toEqual([
      "TLS            not checked, since TCP failed",
      "login          not checked, since TCP failed",
      "clock          not compared, since there was no login",
      "role           not checked, since TCP failed",
      "version        not checked, since TCP failed",
      "privileges     not checked, since TCP failed",
      "read-only      not checked, since TCP failed",
      "lag            not checked, since TCP failed",
      "freshness      not checked, since TCP failed",
      "same cluster   not compared, since there was no login to 127.0.0.1:1",
    ]);
    expect(lines.at(-2)).toBe("17 ok, 1 bad, 10 skipped");
  });

  test("a wrong password, which is not shown", async () => {
    const url = changed(cluster.writer.url, (it) => {
      it.password = "wr0ng-s3cr3t";
    });
    const { status, stdout, lines } = await doctor({ DATABASE_URL: url });
    expect(status).toBe(1);
    expect(marked(lines, "bad")).toEqual([
      'login          password authentication failed for user "app" Check user and password in the URL. Characters such as @ : / # in it must be percent-encoded.',
    ]);
    expect(stdout).not.toContain("s3cr3t");
  });

  test("a database that does not exist", async () => {
    const url = changed(cluster.writer.url, (it) => {
      it.pathname = "/nowhere";
    });
    const { lines } = await doctor({ DATABASE_URL: url });
    expect(marked(lines, "bad")).toEqual([
      'login          database "nowhere" does not exist Check the database in the URL.',
    ]);
  });

  test("a host that nobody knows", async () => {
    const { status, lines } = await doctor({ DATABASE_URL: "postgres://app@db.invalid/app" });
    expect(status).toBe(1);
    expect(marked(lines, "bad")).toEqual([
      expect.stringMatching(
        /^DNS +(there is no host|no answer from the resolver about) db\.invalid /,
      ),
    ]);
  });

  test("a server that does not offer TLS", async () => {
    const { status, lines } = await doctor({
      DATABASE_URL: `${cluster.writer.url}?sslmode=verify-full`,
    });
    expect(status).toBe(1);
    expect(marked(lines, "bad")).toEqual([
      "TLS            the server does not offer it Turn TLS on at the server (ssl = on). Where nobody can listen on the way, sslmode=disable in the URL does without.",
    ]);
    expect(marked(lines, "skipped")).toContain("login          not checked, since TLS failed");
  });

  test("the reader's URL as the writer's", async () => {
    const { status, lines } = await doctor({ ...both(), DATABASE_URL: cluster.reader.url });
    expect(status).toBe(1);
    expect(marked(lines, "bad")).toEqual([
      "role           this is a reader Give the writer's endpoint (of an Aurora cluster: the cluster endpoint) as DATABASE_URL. Just after a failover its name may lead to the old writer for a minute.",
    ]);
    expect(marked(lines, "skipped")).toEqual([
      "read-only      not checked, since role failed",
      "freshness      not tried, since the writer's endpoint leads to no writer",
    ]);
  });

  test("a writer that lets nobody in: its reader has nothing to prove", async () => {
    const url = changed(cluster.writer.url, (it) => {
      it.password = "wr0ng-s3cr3t";
    });
    const { lines } = await doctor({ ...both(), DATABASE_URL: url });
    expect(marked(lines, "skipped")).toContain(
      "freshness      not tried, since there was no login to the writer",
    );
  });

  test("a reader of another cluster", async () => {
    const other = await startCluster({ readers: 1, password: "of-the-other" });
    try {
      const { status, lines } = await doctor({ ...both(), DATABASE_READER_URL: other.reader.url });
      expect(status).toBe(1);
      expect(marked(lines, "bad")).toEqual([
        expect.stringMatching(
          new RegExp(
            `^same cluster +127\\.0\\.0\\.1:${other.reader.port} belongs to another cluster than 127\\.0\\.0\\.1:${cluster.writer.port} \\(system identifiers \\d+ and \\d+\\) Reads would come from other data\\.`,
          ),
        ),
      ]);
      expect(marked(lines, "skipped")).toEqual([
        "freshness      not tried, since writer and reader are of different clusters",
      ]);
    } finally {
      await other.stop();
    }
  });

  test("a pool that is too large for a small server", async () => {
    const small = await startCluster({ readers: 0, settings: { max_connections: "15" } });
    const environment = { DATABASE_URL: small.writer.url };
    try {
      const tooMany = await doctor({ ...environment, DATABASE_POOL_MAX: "13" });
      expect(tooMany.status).toBe(1);
      expect(marked(tooMany.lines, "bad")).toEqual([
        "connections    one process opens up to 13 of 12 (max_connections 15, 3 reserved) Lower DATABASE_POOL_MAX, or raise max_connections.",
      ]);
      const many = await doctor(environment);
      expect(many.status).toBe(0);
      expect(marked(many.lines, "look")).toEqual([
        "connections    one process opens up to 10 of 12 (max_connections 15, 3 reserved) A second process would not fit, nor would a rolling deployment. Lower DATABASE_POOL_MAX, or raise max_connections.",
      ]);
    } finally {
      await small.stop();
    }
  });

  test("two pools that one server has no room for, when it does the work of both", async () => {
    const sizes = { DATABASE_POOL_MAX: "100", DATABASE_READER_POOL_MAX: "98" };
    const { status, lines } = await doctor({ ...both(), ...sizes });
    expect(status).toBe(1);
    expect(marked(lines, "bad")).toEqual([
      "connections    one process opens up to 100 + 98 of 197 (max_connections 200, 3 reserved) Lower DATABASE_POOL_MAX and DATABASE_READER_POOL_MAX, or raise max_connections. After a failover one server may have to serve both.",
    ]);
  });

  test("a writer that is read-only by default", async () => {
    await query("create role frozen login superuser password 'frozen'");
    await query("alter role frozen set default_transaction_read_only = on");
    const url = changed(cluster.writer.url, (it) => {
      it.username = "frozen";
      it.password = "frozen";
    });
    const { lines } = await doctor({ DATABASE_URL: url });
    expect(marked(lines, "bad")).toEqual([
      expect.stringMatching(
        /^read-only +read-only: default_transaction_read_only is on Writes will be refused\./,
      ),
    ]);
  });

  test("something else that listens there", async () => {
    const url = `${await serving("HTTP/1.1 400 Bad Request\r\n\r\n")}?sslmode=verify-full`;
    const { lines } = await doctor({ DATABASE_URL: url });
    expect(marked(lines, "bad")).toEqual([
      expect.stringMatching(
        /^TLS +the answer is not that of a PostgreSQL server: "HTTP\/1\.1 400 Bad Request" /,
      ),
    ]);
  });

  test("a server that never answers, when the time is up", async () => {
    const { status, lines } = await doctor(
      { DATABASE_URL: await serving(undefined) },
      "--timeout=1",
    );
    expect(status).toBe(1);
    expect(marked(lines, "bad")).toEqual([
      expect.stringMatching(/^login +no answer within 1 s The server is overloaded/),
    ]);
  });
});

describe("what is worth a look ends with 0", () => {
  test("the writer's URL as the reader's", async () => {
    const { status, lines } = await doctor({ ...both(), DATABASE_READER_URL: cluster.writer.url });
    expect(status).toBe(0);
    expect(marked(lines, "look")).toEqual([
      expect.stringMatching(
        /^role +this is a writer, so reads are not taken off it Give a reader's endpoint/,
      ),
    ]);
    expect(marked(lines, "skipped")).toEqual([
      "lag            this is no reader",
      "freshness      this is no reader",
    ]);
  });

  test("a user that may read nothing", async () => {
    await query("create role poor login password 'poorpoor'");
    const url = changed(cluster.writer.url, (it) => {
      it.username = "poor";
      it.password = "poorpoor";
    });
    const { status, lines } = await doctor({ DATABASE_URL: url });
    expect(status).toBe(0);
    expect(marked(lines, "look")).toEqual([
      'privileges     poor: may read 0 and write 0 of 1 tables GRANT pg_read_all_data TO "poor"; or SELECT on what it needs.',
    ]);
  });

  test("a reader whose replay is paused", async () => {
    await cluster.pauseReplay();
    try {
      await query("insert into books select generate_series(1, 1000)");
      const { lines } = await doctor(both(), "--timeout=2");
      expect(marked(lines, "look")).toEqual([
        expect.stringMatching(
          /^lag +replay is paused, \d+ \w+ behind Whoever paused it should resume it/,
        ),
        "freshness      WAL positions: not proved within 1 s Is replay paused, or far behind (see lag)? Until it has caught up, reads that must see a write go to the writer.",
      ]);
    } finally {
      await cluster.resumeReplay();
      await cluster.waitForReplay();
    }
  });

  test("a reader that a failover has left to be shown whom it follows", async () => {
    const failing = await startCluster({ readers: 2 });
    try {
      await query("create role plain login password 'plainplain'", failing);
      await failing.waitForReplay();
      const [promoted] = failing.readers;
      await failing.promote(promoted as Reader);
      await failing.waitForReplay();
      const plain = (url: string) =>
        changed(url, (it) => {
          it.username = "plain";
          it.password = "plainplain";
        });
      const { status, lines } = await doctor(
        { DATABASE_URL: plain(failing.writer.url), DATABASE_READER_URL: plain(failing.reader.url) },
        "--timeout=2",
      );
      expect(status).toBe(0);
      expect(marked(lines, "look")).toEqual([
        expect.stringMatching(
          /^freshness +WAL positions: the reader has it, but is shown to be on timeline 1, and the writer on 2 /,
        ),
      ]);
    } finally {
      await failing.stop();
    }
  });

  test("TLS that is only preferred, and not to be had: the login goes on without", async () => {
    const { status, lines } = await doctor({
      DATABASE_URL: `${cluster.writer.url}?sslmode=prefer`,
    });
    expect(status).toBe(0);
    expect(marked(lines, "look")).toEqual([
      expect.stringMatching(/^TLS +the server does not offer it, so nothing is encrypted /),
    ]);
    expect(marked(lines, "ok")).toContainEqual(expect.stringMatching(/^login +as app in/));
  });
});

describe("where functions of the WAL are refused, as on Aurora", () => {
  let aurora: Cluster;
  let environment: object;
  beforeAll(async () => {
    aurora = await startCluster({ readers: 1, aurora: true });
    environment = { DATABASE_URL: aurora.writer.url, DATABASE_READER_URL: aurora.reader.url };
  });
  afterAll(async () => {
    await aurora?.stop();
  });

  test("freshness is proved by two transaction ids, and nothing is left open", async () => {
    const before = await nextId();
    const { status, lines } = await doctor(environment);
    expect(status).toBe(0);
    expect(marked(lines, "ok")).toContainEqual(
      expect.stringMatching(/^freshness +transaction ids: proved after \d+ ms$/),
    );
    expect((await nextId()) - before).toBe(2);
    expect(aurora.writer.connections).toBe(0);
  });

  test("a reader whose replay is paused proves nothing", async () => {
    await aurora.pauseReplay();
    try {
      const { status, lines } = await doctor(environment, "--timeout=2");
      expect(status).toBe(0);
      expect(marked(lines, "look")).toEqual([
        'freshness      transaction ids: not proved within 0.5 s Is replay paused, or far behind (see lag)? Reads that must see a write go to the writer then. If it is not, the proof does not work on this server: give the pool freshness: { positions: "time-window" }.',
      ]);
    } finally {
      await aurora.resumeReplay();
    }
  });

  test("a reader that says yes to what is still running is bad", async () => {
    const lying = await startCluster({ readers: 1, aurora: true });
    try {
      await query(
        `set allow_system_table_mods = on;
         create or replace function pg_catalog.pg_snapshot_xmax(pg_snapshot) returns xid8
           language sql as $$ select '4000000000'::xid8 $$;
         create or replace function pg_catalog.pg_xact_status(xid8) returns text
           language sql as $$ select 'committed' $$`,
        lying,
      );
      await lying.waitForReplay();
      const { status, lines } = await doctor({
        DATABASE_URL: lying.writer.url,
        DATABASE_READER_URL: lying.reader.url,
      });
      expect(status).toBe(1);
      expect(marked(lines, "bad")).toEqual([
        expect.stringMatching(
          /^freshness +transaction ids: the reader says yes to a transaction that is still running .*: give the pool freshness: \{ positions: "time-window" \}/,
        ),
      ]);
    } finally {
      await lying.stop();
    }
  });

  async function nextId(): Promise<number> {
    const { rows } = await query(
      "select pg_snapshot_xmax(pg_current_snapshot())::text as id",
      aurora,
    );
    return Number(rows[0].id);
  }
});

describe("on Aurora", () => {
  /** Functions of ours in front of PostgreSQL's own, as the server of AWS has them. */
  async function withFunctions(schema: string, functions: string): Promise<object> {
    await query(`create schema ${schema}; set search_path = ${schema}; ${functions}`);
    await cluster.waitForReplay();
    const options = encodeURIComponent(`-c search_path=${schema},pg_catalog`);
    const { DATABASE_URL, DATABASE_READER_URL } = both();
    return {
      DATABASE_URL: `${DATABASE_URL}?options=${options}`,
      DATABASE_READER_URL: `${DATABASE_READER_URL}?options=${options}`,
    };
  }
  const failing = (name: string, type: string, code: string) =>
    `create function ${name}() returns ${type} language plpgsql as
     $$ begin raise exception 'not supported for Aurora' using errcode = '${code}'; end $$;`;

  test("the lag is what it tells of its readers", async () => {
    const environment = await withFunctions(
      "aurora",
      `create function aurora_db_instance_identifier() returns text language sql as
         $$ select 'shop-2' $$;
       create function aurora_replica_status()
         returns table (server_id text, replica_lag_in_msec double precision) language sql as
         $$ values ('shop-1', null), ('shop-2', 17.4), ('shop-3', 90000) $$;`,
    );
    const { status, lines } = await doctor(environment);
    expect(status).toBe(0);
    expect(marked(lines, "ok")).toContain("lag            17 ms behind");
  });

  test("nothing fails for functions that do not work there", async () => {
    const environment = await withFunctions(
      "refusing",
      [
        failing("pg_last_wal_replay_lsn", "pg_lsn", "0A000"),
        failing("pg_last_wal_receive_lsn", "pg_lsn", "0A000"),
        failing("pg_current_wal_lsn", "pg_lsn", "55000"),
        `create function pg_control_system(out system_identifier bigint) language plpgsql as
         $$ begin raise exception 'not here' using errcode = '42501'; end $$;`,
      ].join("\n"),
    );
    const { status, lines } = await doctor(environment);
    expect(status).toBe(0);
    expect(marked(lines, "ok")).toContain("lag            not told by this server");
    expect(marked(lines, "skipped")).toEqual([
      `same cluster   not compared: 127.0.0.1:${cluster.writer.port} does not tell its system identifier`,
    ]);
  });
});

describe("options and environment that make no sense", () => {
  test.each([
    [["--wat"], {}, /^pointsman: Unknown option '--wat'\. See pointsman doctor --help\.\n$/],
    [
      [],
      { DATABASE_URL: "mysql://app:s3cr3t@h/d" },
      /^pointsman: DATABASE_URL is not a PostgreSQL URL\. [^\n]*\n$/,
    ],
    [[], { DATABASE_POOL_MAX: "many" }, /^pointsman: DATABASE_POOL_MAX must be .*"many"\.\n$/],
  ])("%j with %j ends with 2 and one line", async (options, environment, line) => {
    const { status, stdout, stderr } = await doctor(environment, ...options);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toMatch(line);
    expect(stderr).not.toContain("s3cr3t");
  });
});
