import { type Cluster, startCluster } from "@pointsman/local";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCli, unwrapped } from "./helpers.ts";
import { connected, Site, urlOf } from "./site.ts";

let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster({ readers: 1 });
});

afterAll(async () => {
  await cluster?.stop();
});

const open = (setup: string, role = ""): Promise<Site> => Site.open(cluster, setup, role);

const nothing = (site: Site) => ({ mark: "ok", found: `${site.role} can write nothing` });

describe("what could write is found, and taken by the script", () => {
  test.each([
    [
      "a table",
      "grant all on books to SITE",
      /may write 1 table \(public\.books: DELETE INSERT .*TRUNCATE UPDATE\)/,
    ],
    ["one column", "grant update (id) on books to SITE", /\(public\.books: UPDATE\)/],
    [
      "a table, as everybody",
      "grant insert on books to public",
      /\(public\.books: INSERT, as PUBLIC\)/,
    ],
    [
      "a view and a partitioned table",
      `create view v as select * from books; create table p (id int) partition by list (id);
       grant insert on v, p to SITE`,
      /may write 2 tables \(public\.p: INSERT, public\.v: INSERT\)/,
    ],
    [
      "a foreign table",
      `create extension postgres_fdw; create server far foreign data wrapper postgres_fdw;
       create foreign table f (id int) server far; grant delete on f to SITE`,
      /may write 1 table \(public\.f: DELETE\)/,
    ],
    [
      "more tables than are told",
      `do $$ begin for n in 1..9 loop execute format('create table t%s ()', n); end loop; end $$;
       grant truncate on all tables in schema public to SITE`,
      /may write 10 tables \(.*t1: TRUNCATE, public\.t2: TRUNCATE and 7 more\)$/,
    ],
    [
      "a sequence",
      "create sequence tickets; grant usage on sequence tickets to SITE",
      /may advance 1 sequence \(public\.tickets\)/,
    ],
    [
      "a schema",
      "create schema s; grant create on schema s to SITE",
      /may create in 1 schema \(s\)/,
    ],
    [
      "a schema, as everybody",
      "grant create on schema public to public",
      /may create in 1 schema \(public, as PUBLIC\)/,
    ],
    [
      "the database",
      "do $$ begin execute format('grant create on database %I to SITE', current_database()); end $$",
      /may create schemas in the database \(shop_\d+\)/,
    ],
    [
      "a function with the rights of its owner",
      `create schema s; create type s.kind as enum ('a'); grant usage on schema s to SITE;
       create function s.f(kind s.kind, variadic n int[]) returns int language sql
         security definer as 'delete from public.books; select 1'`,
      /may run 1 function with the rights of the owner \(s\.f\(kind s\.kind, VARIADIC n integer\[\]\), as PUBLIC\)/,
    ],
    [
      "a procedure with the rights of its owner",
      `create procedure p(inout n int) language sql security definer as 'select 1';
       revoke execute on procedure p from public; grant execute on procedure p to SITE`,
      /may run 1 function .*\(public\.p\(INOUT n integer\)\)/,
    ],
    [
      "a large object",
      "select lo_create(4711); grant select, update on large object 4711 to SITE",
      /may write 1 large object \(4711\)/,
    ],
    [
      "what will be made",
      "alter default privileges in schema public grant insert on tables to SITE",
      /will be granted more by 1 default privilege \(future tables: INSERT\)/,
    ],
    [
      "attributes",
      "alter role SITE createrole createdb replication",
      /has CREATEROLE, CREATEDB, REPLICATION/,
    ],
    [
      "all data",
      "grant pg_write_all_data to SITE",
      /is in 1 role \(pg_write_all_data, which may write every table\)/,
    ],
    [
      "a role in a role, which has to be asked for",
      `create role clerk; create role editor; grant editor to clerk; grant insert on books to editor;
       grant clerk to SITE with admin option; alter role SITE noinherit`,
      /is in 1 role \(clerk, which editor in turn may write public\.books\)/,
    ],
    [
      "a role that owns",
      "create role keeper; alter table books owner to keeper; grant keeper to SITE",
      /is in 1 role \(keeper, which owns 1 object \(table public\.books\)\)/,
    ],
    [
      "what somebody else than the owner has granted",
      `create role deputy; grant insert on books to deputy with grant option; set role deputy;
       grant insert on books to SITE with grant option; reset role`,
      /may write 1 table \(public\.books: INSERT\)/,
    ],
  ])("%s", async (_, setup, found) => {
    const site = await open(setup);
    const before = await site.examine();
    expect(before).toMatchObject({
      mark: "bad",
      found: expect.stringMatching(found),
      remedy: "Run the script below as its owner or a superuser.",
    });
    await site.admin(before.script);
    const after = await site.examine();
    expect(after).toMatchObject(nothing(site));
    await site.admin(after.script);
    await site.admin(before.script);
    expect(await site.examine()).toEqual(after);
    expect(await site.run("select * from books")).toEqual([[1]]);
  });
});

/** Ways to write, each of which a role might be able to. */
const writes = [
  "insert into books values (2)",
  "update books set id = 3",
  "delete from books",
  "truncate books",
  "copy books from program 'echo 4'",
  "insert into shown values (5)",
  "insert into attempts (account) values (1)",
  "update attempts set account = 2",
  "select nextval('tickets')",
  "select setval('tickets', 7)",
  "select empty_books()",
  "call fill_books()",
  "select lo_put(4712, 0, 'x')",
  "create table public.mine ()",
  "create table aside.mine ()",
  "create schema mine",
  "create function public.mine() returns int language sql as 'select 1'",
  "create role mine",
  "grant pg_write_all_data to current_user",
  "set role writer; insert into books values (6)",
];

const everything = `
  create table attempts (id serial primary key, account int);
  create view shown as select * from books; create sequence tickets; create schema aside;
  create function empty_books() returns void language sql security definer as 'delete from books';
  create procedure fill_books() language sql security definer as 'insert into books values (7)';
  select lo_create(4712); grant all on large object 4712 to SITE;
  grant all on all tables in schema public to SITE; grant all on all sequences in schema public to SITE;
  grant create on schema public to public; grant create, usage on schema aside to SITE;
  do $$ begin execute format('grant create on database %I to SITE', current_database()); end $$;
  alter role SITE createrole`;

describe("once the script was run", () => {
  test("PostgreSQL refuses every attempt to write, and reads work", async () => {
    const site = await open(everything);
    await site.admin(
      "create role writer; grant insert on books to writer; grant writer, pg_execute_server_program to SITE",
    );
    // Each of them would be possible; what it does is undone.
    for (const text of writes.filter((one) => !/^(create role|grant|set role)/.test(one))) {
      const undone = `do $do$ begin ${text.replace(/^select/, "perform")}; raise sqlstate 'OK000'; end $do$`;
      expect(await site.refusal(undone), text).toBe("OK000");
    }
    const { mark, script } = await site.examine();
    expect(mark).toBe("bad");
    await site.admin(script);
    expect(await site.examine()).toMatchObject(nothing(site));
    for (const text of writes) expect(await site.refusal(text), text).toBe("42501");
    expect(await site.run("select * from books")).toEqual([[1]]);
    expect(await site.run("select * from shown")).toEqual([[1]]);
    // What its migrations make later is read, too.
    await site.admin("create table later as select 8 as id");
    expect(await site.run("select * from later")).toEqual([[8]]);
    expect(await site.refusal("insert into later values (9)")).toBe("42501");
  });

  test("tables that are allowed can be written, with their sequences, and no others", async () => {
    const site = await open(everything);
    await site.admin("create table numbered (id int primary key default nextval('tickets'))");
    const allowed = ["attempts", "public.numbered"];
    const before = await site.examine(allowed);
    await site.admin(before.script);
    const after = await site.examine(allowed);
    expect(after).toMatchObject({
      mark: "ok",
      found: `${site.role} can write nothing but 2 tables (public.attempts, public.numbered)`,
    });
    await site.admin(after.script);
    const sql = "insert into attempts (account) values (1) returning id";
    expect(await site.run(sql)).toEqual([[1]]);
    expect(await site.run("insert into numbered default values returning id")).toEqual([[1]]);
    expect(await site.run("update attempts set account = 2 returning account")).toEqual([[2]]);
    expect(await site.run("delete from attempts returning id")).toEqual([[1]]);
    const others = writes.filter((text) => !/attempts|nextval/.test(text));
    others.push("truncate attempts", "select setval('attempts_id_seq', 7)");
    for (const text of others) expect(await site.refusal(text), text).toBeDefined();
    // Without the option, they are too much.
    expect(await site.examine()).toMatchObject({
      mark: "bad",
      found: expect.stringMatching(/may advance 2 sequences .*; may write 2 tables /),
    });
  });

  test("a session of the role begins read-only, unless it has something to write", async () => {
    const site = await open("create table attempts (id int)");
    await site.admin(
      "do $$ begin execute format('alter role SITE in database %I set default_transaction_read_only = off', current_database()); end $$",
    );
    expect(await site.examine()).toMatchObject({
      mark: "look",
      found: `${site.role} can write nothing; its default_transaction_read_only is off in this database`,
    });
    const ofSession = async () => {
      const client = await connected(site.url);
      const { rows } = await client.query("show default_transaction_read_only");
      await client.end();
      return rows[0].default_transaction_read_only;
    };
    await site.admin((await site.examine()).script);
    expect(await ofSession()).toBe("on");
    const allowing = await site.examine(["attempts"]);
    expect(allowing).toMatchObject({
      mark: "look",
      found: expect.stringMatching(
        /it lacks privileges there \(public\.attempts: no INSERT, UPDATE, DELETE\); its default_transaction_read_only is on/,
      ),
    });
    await site.admin(allowing.script);
    expect(await ofSession()).toBe("off");
    expect(await site.refusal("insert into attempts values (1)")).toBeUndefined();
  });

  test("it reads what it read, and no more", async () => {
    const site = await open(
      `create table secrets (id int); create schema closed; create table closed.t ();
       create schema half; create table half.a (); create table half.b ();
       create role reading; grant usage on schema half to reading; grant select on half.a to reading;
       grant pg_write_all_data to reading; grant reading to SITE`,
    );
    await site.admin((await site.examine()).script);
    expect(await site.examine()).toMatchObject(nothing(site));
    expect(await site.refusal("select from half.a")).toBeUndefined();
    for (const table of ["half.b", "closed.t", "secrets"]) {
      expect(await site.refusal(`select from ${table}`), table).toBe("42501");
    }
  });
});

describe("names", () => {
  test("may have anything in them", async () => {
    const site = await open(
      `create schema "Odd ""schema"; create table "Odd ""schema"."T'1\n; drop table books; --" (id serial);
       create table "Odd ""schema"."user" (); grant usage on schema "Odd ""schema" to SITE;
       grant all on all tables in schema "Odd ""schema" to SITE`,
      `Site "of" $$ 'x'`,
    );
    const allowed = ['"Odd ""schema".user'];
    const before = await site.examine(allowed);
    expect(before.mark).toBe("bad");
    expect(before.found).toContain(`"Odd ""schema"."T'1?; drop table books; --": DELETE`);
    await site.admin(before.script);
    expect(await site.examine(allowed)).toMatchObject({
      mark: "ok",
      found: `"Site ""of"" $$ 'x'" can write nothing but 1 table ("Odd ""schema".user)`,
    });
    // It would throw if it were gone.
    await site.admin("insert into books values (2)");
  });
});

describe("what REVOKE cannot take is answered by a role of its own", () => {
  test.each([
    [
      "a superuser",
      "alter role SITE superuser",
      /is a superuser, who can write everything$/,
      "is a superuser: REVOKE takes nothing from it.",
    ],
    [
      "an owner",
      `alter table books owner to SITE; create schema s authorization SITE;
       create role rds_iam; grant rds_iam to SITE`,
      /owns 2 objects \(table public\.books, schema s\)$/,
      "owns what it could write: REVOKE takes nothing from it.",
    ],
  ])("%s", async (_, setup, found, comment) => {
    const site = await open(setup);
    const before = await site.examine();
    expect(before).toMatchObject({
      mark: "bad",
      found: expect.stringMatching(found),
      remedy: expect.stringMatching(/^REVOKE takes nothing from a superuser or an owner/),
    });
    expect(before.script).toContain(`-- ${site.role} ${comment}`);
    await site.admin(before.script);
    await site.admin(before.script);
    await site.admin(`alter role ${site.role}_read_only password 'x'`);
    const own = site.as(`${site.role}_read_only`);
    expect(await own.examine()).toMatchObject(nothing(own));
    expect(await own.run("select * from books")).toEqual([[1]]);
    expect(await own.refusal("delete from books")).toBe("42501");
    // Whoever logs in with tokens of IAM goes on so.
    const [[byIam] = []] = await own.run(
      "select count(*)::int from pg_auth_members where member = current_user::regrole",
    );
    expect(byIam).toBe(before.script.includes("rds_iam") ? 1 : 0);
    expect(before.script.includes("rds_iam")).toBe(/rds_iam/.test(setup));
    // The other one goes on as it was.
    expect(await site.refusal("insert into books values (2)")).toBeUndefined();
  });
});

describe("of tables that are allowed it is told", () => {
  test("what writing them leads to besides", async () => {
    const site = await open(
      `create table attempts (id int primary key); create table log (id int references attempts on delete cascade);
       create table kept (id int references attempts); create view shown as select * from attempts;
       create function note() returns trigger language plpgsql security definer as 'begin return new; end';
       create trigger noted before insert on attempts for each row execute function note();
       create table ruled (id int); create rule also as on insert to ruled do also notify ruled`,
    );
    const allowed = ["attempts", "ruled", "shown"];
    await site.admin((await site.examine(allowed)).script);
    expect(await site.examine(allowed)).toMatchObject({
      mark: "look",
      found: `${site.role} can write nothing but 3 tables (public.attempts, public.ruled, public.shown); writes may lead to more (public.attempts: trigger noted calls public.note(), public.log follows by log_id_fkey, public.ruled: rule also rewrites, public.shown: a view writes the tables behind it)`,
      remedy: expect.stringMatching(/^Read what these do/),
    });
    // The trigger's function cannot be called, and a table that is allowed is no surprise.
    await site.admin("drop rule also on ruled; drop trigger noted on attempts; drop view shown");
    const all = ["attempts", "ruled", "log"];
    await site.admin((await site.examine(all)).script);
    expect((await site.examine(all)).mark).toBe("ok");
  });

  test("what their partitions lead to", async () => {
    const site = await open(
      `create table attempts (id int) partition by list (id);
       create table first partition of attempts for values in (1);
       create function note() returns trigger language plpgsql as 'begin return new; end';
       create trigger all_noted before insert on attempts for each row execute function note();
       create trigger noted before insert on first for each row execute function note()`,
    );
    await site.admin((await site.examine(["attempts"])).script);
    expect((await site.examine(["attempts"])).found).toMatch(
      /\(public\.attempts: trigger all_noted calls public\.note\(\), trigger noted calls public\.note\(\)\)$/,
    );
    expect(await site.refusal("insert into attempts values (1)")).toBeUndefined();
    expect(await site.refusal("insert into first values (1)")).toBe("42501");
  });

  test("which names mean none", async () => {
    const site = await open("");
    await site.admin((await site.examine(["renditions", "books"])).script);
    expect(await site.examine(["renditions", "books"])).toMatchObject({
      mark: "look",
      found: `${site.role} can write nothing but 1 table (public.books); there is no table "renditions"`,
      remedy: "Compare the names in allowWritesTo with those in the database.",
    });
  });
});

test("very many tables are no burden", async () => {
  const site = await open(
    `do $$ begin for n in 1..1200 loop execute format('create table t%s ()', n); end loop; end $$;
     grant insert on all tables in schema public to SITE; grant insert on t1 to public`,
  );
  const before = await site.examine(["t7"]);
  expect(before.found).toMatch(/may write 1200 tables \(public\.books: INSERT, /);
  expect(before.found.length).toBeLessThan(300);
  expect(before.script.split("\n").length).toBeLessThan(60);
  await site.admin(before.script);
  expect((await site.examine(["t7"])).mark).toBe("ok");
});

describe("pointsman doctor --read-only", () => {
  test("prints a script behind the table, which makes it a wall", async () => {
    const site = await open("grant insert on books to SITE");
    await cluster.waitForReplay();
    const environment = {
      DATABASE_READER_URL: urlOf(cluster.reader.url, site.role, site.database),
    };
    const before = await runCli(["doctor", "--read-only"], environment);
    expect(before).toMatchObject({ status: 1, stderr: "" });
    // Nothing says where the writer is, and nothing has to.
    expect(before.stdout).not.toContain("\nwriter ");
    expect(unwrapped(before.stdout)).toContain(
      `✗ bad      wall           ${site.role} may write 1 table (public.books: INSERT) Run the script below as its owner or a superuser.\n`,
    );
    const script = before.stdout.slice(before.stdout.indexOf("\n-- A wall"));
    await site.admin(script);
    await cluster.waitForReplay();
    const after = await runCli(["doctor", "--read-only"], environment);
    expect(unwrapped(after.stdout)).toContain(
      `✓ ok       wall           ${site.role} can write nothing\n`,
    );
    expect(unwrapped(after.stdout)).toContain("there is only one side: DATABASE_URL is not set");
    expect(after.status).toBe(0);
  });

  test("has the script as a field for programs, once for both sides", async () => {
    const site = await open("create table attempts (id serial)");
    await cluster.waitForReplay();
    const environment = {
      DATABASE_URL: site.url,
      DATABASE_READER_URL: urlOf(cluster.reader.url, site.role, site.database),
    };
    const args = ["doctor", "--read-only", "--json", "--allow-writes-to", "attempts"];
    const { status, stdout } = await runCli(args, environment);
    expect(status).toBe(0);
    const { script, endpoints } = JSON.parse(stdout);
    expect(script.match(/^BEGIN;$/gm)).toHaveLength(1);
    expect(script).toContain(
      `GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE "public"."attempts" TO "${site.role}";\n`,
    );
    expect(endpoints.map(({ checks }: { checks: object[] }) => checks.at(-1))).toEqual(
      ["writer", "reader"].map(() => ({
        check: "wall",
        mark: "look",
        found: expect.stringContaining("it lacks privileges there (public.attempts: no "),
        remedy: expect.any(String),
        milliseconds: expect.any(Number),
      })),
    );
    await site.admin(script);
    await cluster.waitForReplay();
    const again = JSON.parse((await runCli(args, environment)).stdout);
    const lines = again.endpoints.flatMap(({ checks }: { checks: object[] }) => checks);
    expect(lines.filter(({ mark }: { mark?: string }) => mark !== "ok")).toEqual([]);
  });

  test("looks at the one server, which is read-only by default, and finds it right", async () => {
    const site = await open("");
    await site.admin((await site.examine()).script);
    const { status, stdout } = await runCli(["doctor", "--read-only"], { DATABASE_URL: site.url });
    expect(stdout).toContain("read-only by default_transaction_read_only");
    expect(stdout).not.toMatch(/! look|✗ bad/);
    expect(status).toBe(0);
  });

  test("says nothing of a wall where there was no login", async () => {
    const { status, stdout } = await runCli(["doctor", "--read-only", "--json"], {
      DATABASE_URL: "postgres://site@127.0.0.1:1/shop",
    });
    expect(status).toBe(1);
    const report = JSON.parse(stdout);
    expect(report).not.toHaveProperty("script");
    expect(report.endpoints[0].checks.at(-1)).toMatchObject({
      check: "wall",
      mark: "skipped",
      found: "not checked, since TCP failed",
    });
  });

  test("tells of a name that cannot be one", async () => {
    const { status, stderr } = await runCli(
      ["doctor", "--read-only", "--allow-writes-to", "a.b.c"],
      { DATABASE_URL: cluster.writer.url },
    );
    expect(status).toBe(2);
    expect(stderr).toMatch(/^pointsman: "a\.b\.c" in --allow-writes-to names no table\. Write /);
  });
});
