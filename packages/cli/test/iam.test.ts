import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { type IamCluster, startCluster } from "@pointsman/local";
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { packageFolder, runCli, unwrapped } from "./helpers.ts";

let cluster: IamCluster;

beforeAll(async () => {
  cluster = await startCluster({ readers: 1, iam: true });
});

afterAll(async () => {
  await cluster?.stop();
});

/** All that pointsman has printed in these tests. */
const printed: string[] = [];

async function run(args: readonly string[], more: object = {}) {
  const ended = await runCli(args, { ...cluster.iam.environment, ...more });
  printed.push(ended.stdout, ended.stderr);
  return ended;
}

describe("exec", () => {
  const program = (script: string) => [
    process.execPath,
    "--conditions=pointsman-source",
    "--import",
    "tsx",
    "--input-type=module",
    "-e",
    script,
  ];
  const whoAndWhere = program(`
    import { createPool } from "pointsman";
    const pool = createPool();
    const { rows } = await pool.query("select current_user as user, pg_is_in_recovery() as standby");
    await pool.end();
    console.log(JSON.stringify(rows[0]));
  `);

  test.each([
    ["--writer", false],
    ["--reader", true],
  ])("%s gives a program a token that lets it in, over verified TLS", async (side, standby) => {
    const { logins, plain } = cluster.iam.seen;
    const { stdout, stderr } = await run(["exec", side, "--", ...whoAndWhere]);
    expect(stderr).toBe("");
    expect(JSON.parse(stdout)).toEqual({ user: "app_iam", standby });
    expect(cluster.iam.seen).toMatchObject({ logins: logins + 1, plain });
  });

  const hasPsql = spawnSync("psql", ["--version"]).status === 0;
  test.skipIf(!hasPsql)("lets psql in, by verified TLS (where psql is installed)", async () => {
    const text = "select current_user";
    for (const target of [[], ["$DATABASE_URL"]]) {
      const command = `psql --no-psqlrc -Atc "${text}" ${target.map((url) => `"${url}"`)}`;
      const { tls } = cluster.iam.seen;
      const { stdout, stderr } = await run(["exec", "--", "sh", "-c", command]);
      expect({ stdout, stderr }).toEqual({ stdout: "app_iam\n", stderr: "" });
      expect(cluster.iam.seen.tls).toBe(tls + 1);
    }
  });

  test("lets drizzle-kit migrate, by verified TLS", async () => {
    const folder = mkdtempSync(join(packageFolder, "drizzle-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
    write(
      "schema.ts",
      `import { integer, pgTable } from "drizzle-orm/pg-core";
      export const shelves = pgTable("shelves", { id: integer().primaryKey() });`,
    );
    write(
      "drizzle.config.json",
      JSON.stringify({ dialect: "postgresql", schema: "./schema.ts", out: "./migrations" }),
    );
    write(
      "drizzle.config.ts",
      `export default {
        dialect: "postgresql",
        out: "./migrations",
        dbCredentials: { url: process.env.DATABASE_URL },
      };`,
    );
    // The names of the gateway lead to RDS for whoever asks the network.
    write(
      "names.cjs",
      `const dns = require("node:dns");
      const { lookup } = dns;
      dns.lookup = (host, ...more) =>
        lookup(host.endsWith(".rds.amazonaws.com") ? "127.0.0.1" : host, ...more);`,
    );
    const kit = join(packageFolder, "../../node_modules/.bin/drizzle-kit");
    const drizzle = `cd "${folder}" && "${kit}"`;
    await run(["exec", "--", "sh", "-c", `${drizzle} generate --config=drizzle.config.json`]);
    const before = { ...cluster.iam.seen };
    const {
      status,
      stdout: told,
      stderr,
    } = await run(["exec", "--", "sh", "-c", `${drizzle} migrate --config=drizzle.config.ts`], {
      NODE_OPTIONS: `--require=${join(folder, "names.cjs")}`,
    });
    expect({ status, stderr }, told).toEqual({ status: 0, stderr: "" });
    expect(cluster.iam.seen.plain).toBe(before.plain);
    expect(cluster.iam.seen.tls).toBeGreaterThan(before.tls);
    const { stdout } = await run([
      "exec",
      "--",
      ...program(`
        import { createPool } from "pointsman";
        const pool = createPool();
        const { rows } = await pool.writer.query(
          "select tableowner as owner from pg_tables where tablename = 'shelves'",
        );
        await pool.query("drop table shelves; drop schema drizzle cascade");
        await pool.end();
        console.log(JSON.stringify(rows));
      `),
    ]);
    expect(JSON.parse(stdout)).toEqual([{ owner: "app_iam" }]);
  });

  test.runIf(process.platform === "linux")("shows the token in no command line", async () => {
    const script = `
      import { readFileSync } from "node:fs";
      for (const pid of [process.pid, process.ppid]) {
        process.stdout.write(readFileSync("/proc/" + pid + "/cmdline", "latin1"));
      }
      process.stdout.write(" token of " + process.env.PGPASSWORD.length);
    `;
    const { stdout } = await run(["exec", "--", ...program(script)]);
    expect(stdout).toMatch(/exec.* token of \d{3,4}$/s);
  });

  test("ends with 1 when no token can be made", async () => {
    cluster.iam.credentials.fail(true);
    const { status, stderr } = await run(["exec", "--", "true"]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^pointsman: IAM has no AWS credentials to sign with: .*\n$/);
  });
});

afterEach(() => {
  const { iam } = cluster;
  iam.certificate("valid");
  iam.expireTokensAfter(undefined);
  iam.skewClock(0);
  iam.accept(iam.user);
  iam.credentials.fail(false);
});

interface Found {
  readonly check: string;
  readonly mark: string;
  readonly found: string;
  readonly remedy?: string;
}

describe("doctor", () => {
  /** What is neither ok nor skipped, on the writer's side. */
  async function problems(more: object = {}) {
    const environment = { DATABASE_READER_URL: "", ...more };
    const { status, stdout } = await run(["doctor", "--json"], environment);
    const { endpoints, together } = JSON.parse(stdout) as Record<string, Found[]>;
    const [writer] = endpoints as unknown as { checks: Found[] }[];
    const found = [...(writer?.checks ?? []), ...(together ?? [])];
    const lines = found
      .filter(({ mark }) => mark === "look" || mark === "bad")
      .map(({ check, mark, found, remedy }) => `${mark} ${check}: ${found} → ${remedy}`);
    return { status, lines };
  }
  const refusal =
    /^bad login: PAM authentication failed for user "app_iam" → Tried: .*, user app_iam, region eu-west-2, .* Usual causes: \(1\) the user lacks the role: GRANT rds_iam TO "app_iam"; /;

  test("is green from top to bottom, on both sides", async () => {
    const { status, stdout, stderr } = await run(["doctor"]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const lines = unwrapped(stdout);
    expect(lines).toMatch(/\n\n28 ok\n$/);
    expect(lines).toMatch(
      /TLS +TLSv1\.3: pointsman-local RDS gateway by pointsman-local RDS authority, 364 days left\n/,
    );
    expect(lines).toMatch(
      /credentials +identity .*, credentials end 20[\dT:.-]+Z, signed for app_iam at /,
    );
    expect(lines).toMatch(/password +made by IAM in \d+ ms\n/);
    expect(lines).toMatch(/privileges +app_iam, in rds_iam: there are no tables yet\n/);
  });

  test("tells a certificate of another host", async () => {
    cluster.iam.certificate("other-host");
    const { hostname } = cluster.iam.writer;
    const { status, lines } = await problems();
    expect(status).toBe(1);
    expect(lines).toEqual([
      `bad TLS: TLSv1.3: the certificate is not for ${hostname}, but for other.cffffffffffff.eu-west-2.rds.amazonaws.com → Connect by a name that is in the certificate. Where that name leads elsewhere (a tunnel, a CNAME), give the name as host and the address as hostaddr=… in the URL.`,
    ]);
  });

  test("tells a certificate that nobody vouches for", async () => {
    cluster.iam.certificate("self-signed");
    const { status, lines } = await problems();
    expect(status).toBe(1);
    expect(lines).toEqual([
      expect.stringMatching(
        /^bad TLS: TLSv1\.3: the certificate of pointsman-local RDS gateway is not trusted: it is signed by pointsman-local RDS gateway \(\w+\) → If that is your own authority/,
      ),
    ]);
  });

  test("tells a certificate of another authority than the one that is trusted", async () => {
    const folder = mkdtempSync(join(tmpdir(), "pointsman-test-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = join(folder, "ca.pem");
    writeFileSync(file, rootCertificates[0] ?? "");
    const DATABASE_URL = cluster.iam.writer.url.replace(
      /sslrootcert=[^&]+/,
      `sslrootcert=${encodeURIComponent(file)}`,
    );
    const { lines } = await problems({ DATABASE_URL });
    expect(lines).toEqual([
      expect.stringMatching(
        /^bad TLS: TLSv1\.3: the certificate of pointsman-local RDS gateway is not trusted: it is signed by pointsman-local RDS authority /,
      ),
    ]);
  });

  test("tells a certificate that has ended, and that this may be the clock", async () => {
    cluster.iam.certificate("expired");
    const { status, lines } = await problems();
    expect(status).toBe(1);
    expect(lines).toEqual([
      expect.stringMatching(
        /^bad TLS: TLSv1\.3: a certificate of the chain has ended \(the server's own: \d{4}-\d\d-\d\d\) → Renew/,
      ),
      expect.stringMatching(
        /^look clock: not compared, since there was no login; a certificate that has ended may mean that it is fast →/,
      ),
    ]);
  });

  test("tells tokens that are refused because they are too old", async () => {
    cluster.iam.expireTokensAfter(0);
    cluster.iam.skewClock(2000);
    expect(await problems()).toEqual({ status: 1, lines: [expect.stringMatching(refusal)] });
    expect(cluster.iam.seen.refusals.expired).toBeGreaterThan(0);
  });

  test("tells a user that is refused, and that the clocks may differ", async () => {
    cluster.iam.reject(cluster.iam.user);
    const { status, lines } = await problems();
    expect({ status, lines }).toEqual({ status: 1, lines: [expect.stringMatching(refusal)] });
    expect(lines[0]).toContain("this machine's clock is more than 5 minutes off");
  });

  test.each([
    [-20 * 60_000, "bad clock: 20 minutes ahead of that of AWS → "],
    [20 * 60_000, "bad clock: 20 minutes behind that of AWS → "],
  ])(
    "tells by AWS's own time that the clock is why tokens are refused: %i ms off",
    async (skew, told) => {
      cluster.iam.skewClock(skew);
      const sts = createServer((_request, response) => {
        response.setHeader("date", new Date(Date.now() + skew).toUTCString());
        response.writeHead(302, { location: "https://aws.example.com/" }).end();
      }).listen(0, "127.0.0.1");
      await once(sts, "listening");
      onTestFinished(() => {
        sts.close();
      });
      const { port } = sts.address() as { port: number };
      const { status, lines } = await problems({
        AWS_ENDPOINT_URL_STS: `http://127.0.0.1:${port}/`,
      });
      expect(status).toBe(1);
      expect(lines).toEqual([expect.stringMatching(refusal), expect.stringContaining(told)]);
    },
  );

  test("tells that there are no credentials", async () => {
    const { status, lines } = await problems({ AWS_CONTAINER_CREDENTIALS_FULL_URI: undefined });
    expect(status).toBe(1);
    expect(lines).toEqual([
      expect.stringMatching(
        /^bad credentials: .*Could not load credentials from any providers → Give /,
      ),
    ]);
  });

  test("tells that a user with rds_iam needs a token", async () => {
    const { lines } = await problems({ DATABASE_AUTH: "", PGPASSWORD: "any-password" });
    expect(lines).toEqual([
      expect.stringMatching(
        /^bad login: PAM authentication failed for user "app_iam" → .*DATABASE_AUTH=iam/,
      ),
    ]);
  });

  test("tells that sslmode is raised, since a token must not be sent to anybody", async () => {
    const DATABASE_URL = cluster.iam.writer.url.replace("sslmode=verify-full", "sslmode=require");
    expect(await problems({ DATABASE_URL })).toEqual({
      status: 0,
      lines: [
        expect.stringMatching(
          /^look configuration: .* → sslmode=require of DATABASE_URL is raised to verify-full, since its password is a token/,
        ),
      ],
    });
  });
});

test("nothing that was printed holds a part of a token, a key or a password", () => {
  const all = printed.join("\n");
  expect(all.length).toBeGreaterThan(10_000);
  const { AWS_CONTAINER_AUTHORIZATION_TOKEN } = cluster.iam.environment;
  for (const secret of [
    "X-Amz-",
    "IQoJb3JpZ2luX2Vj",
    AWS_CONTAINER_AUTHORIZATION_TOKEN,
    "any-password",
  ]) {
    expect(all).not.toContain(secret);
  }
});
