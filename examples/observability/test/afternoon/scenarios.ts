import type { Server } from "@pointsman/local";
import { until } from "../../../../packages/pointsman/test/support/waiting.ts";
import type { Sample } from "../support/prometheus.ts";
import { startRush } from "./rush.ts";
import type { Scenario } from "./scenario.ts";
import { migrate, type Stage } from "./stage.ts";
import { holding, isThere, superuser } from "./superuser.ts";

/** The series with these labels. */
const having = (samples: readonly Sample[], labels: Readonly<Record<string, string>>) =>
  samples.filter((sample) =>
    Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
  );
const some = (samples: readonly Sample[], labels: Readonly<Record<string, string>>, above = 0) =>
  having(samples, labels).some(({ value }) => value > above);

function readerOf({ cluster }: Stage): Server & Stage["cluster"]["readers"][number] {
  const [reader] = cluster.readers;
  if (reader === undefined) throw new Error("There is no reader.");
  return reader;
}

/** Redefines a function that the shop calls, as somebody else's deployment does. */
async function redefine({ cluster }: Stage, sql: string): Promise<() => Promise<void>> {
  await superuser(cluster.writer.url, sql);
  return () => migrate(cluster);
}

const readerKilled: Scenario = {
  name: "A reader is killed",
  broken: "All processes of a reader are killed, in the evening's rush.",
  async break(stage) {
    const rush = startRush(stage.shop.url);
    const reader = readerOf(stage);
    // Without the rush one connection to the other reader may do for all.
    await until(
      "the shop has connections to it",
      () => isThere(reader.url, stage.cluster.iam.user),
      60_000,
    );
    await stage.cluster.crash(reader);
    return async () => {
      await stage.cluster.restart(reader);
      await rush.letGo();
    };
  },
  alerts: ["PointsmanReaderUnavailable"],
  panels: [
    { panel: "Available", shows: "0", when: (lines) => lines.some(({ value }) => value === 0) },
    {
      panel: "Connections closed",
      shows: "lost connections to readers",
      when: (lines) => some(lines, { role: "reader", reason: "lost" }),
    },
    {
      panel: "Connections that failed",
      shows: "failures of readers",
      when: (lines) => some(lines, { role: "reader" }),
    },
  ],
  log: [/reader out: app-instance-2/],
  top: [/^reader +app-instance-2.* OUT$/m],
  doctor: [/✗ bad +login/],
  told: [],
  mended: "The reader is started again.",
  over: [/reader back: app-instance-2/],
};

const readerLags: Scenario = {
  name: "A reader falls behind",
  broken: "One reader applies each commit eight seconds late, while many customers come.",
  async break(stage) {
    const reader = readerOf(stage);
    // A reader that no connection leads to is not asked how far it is behind.
    const rush = startRush(stage.shop.url);
    await reader.lag(8_000);
    return async () => {
      await reader.lag(0);
      await rush.letGo();
    };
  },
  alerts: ["PointsmanReaderLagging"],
  panels: [
    { panel: "Lag", shows: "more than 5 s", when: (lines) => some(lines, {}, 5) },
    {
      panel: "Guards",
      shows: "reads that came too early",
      when: (lines) => some(lines, { outcome: "behind" }),
    },
  ],
  log: [],
  top: [/^reader +app-instance-2.* [5-9]\.\d s +ok$/m],
  doctor: [/! look +lag +up to [5-9] s/],
  told: [],
  mended: "It applies them at once.",
  over: [],
};

const allLag: Scenario = {
  name: "All readers fall behind",
  broken: "Each reader applies each commit four seconds late.",
  async break({ cluster }) {
    await cluster.lag(4_000);
    return () => cluster.lag(0);
  },
  alerts: ["PointsmanReadsOnWriter"],
  panels: [
    {
      panel: "Reads that go to the writer",
      shows: "more than 30 %",
      when: (lines) => some(lines, {}, 0.3),
    },
    {
      panel: "How reads were made fresh enough",
      shows: "reads on the writer",
      when: (lines) => some(lines, { outcome: "writer" }),
    },
    {
      panel: "Statements by reason",
      shows: "reader-behind",
      when: (lines) => some(lines, { role: "writer", reason: "reader-behind" }),
    },
  ],
  log: [],
  top: [/^reader-behind +writer /m],
  doctor: [/! look +freshness +WAL positions: not proved/],
  told: [],
  mended: "They apply them at once.",
  over: [],
};

const functionMisjudged: Scenario = {
  name: "A function is misjudged",
  broken: "Somebody's migration has a function that only read keep count of what it was asked.",
  break: (stage) =>
    redefine(
      stage,
      `create table if not exists looks (book int, at timestamptz default now());
       grant insert on looks to ${stage.cluster.iam.user};
       create or replace function price_of(book int) returns int language sql volatile as
         'insert into looks (book) values (book); select price_cents from books where id = book'`,
    ),
  alerts: ["PointsmanRefusals"],
  panels: [
    { panel: "Refused by a reader", shows: "statements", when: (lines) => some(lines, {}) },
    {
      panel: "Statements by reason",
      shows: "writing-function",
      when: (lines) => some(lines, { role: "writer", reason: "writing-function" }),
    },
  ],
  log: [/refusal learnt: .*INSERT/],
  top: [/refusals [1-9]/, /^(writing-function|refused) +writer /m],
  doctor: [/^\d+ ok(, \d+ look)?$/m],
  told: [],
  mended: "The function is as it was.",
  over: [],
};

const lockForgotten: Scenario = {
  name: "A lock is forgotten",
  broken: "Somebody locks the table of orders, and goes to lunch.",
  async break({ cluster }) {
    const lock = "begin; lock table orders in exclusive mode";
    return (await holding(cluster.writer.url, lock)).letGo;
  },
  alerts: ["PointsmanPoolExhausted"],
  panels: [
    { panel: "Waiting", shows: "callers", when: (lines) => some(lines, { role: "writer" }) },
    {
      panel: "Connections",
      shows: "that all of the writer's are in use",
      when: (lines) => some(lines, { role: "writer", state: "used" }, 3),
    },
  ],
  log: [],
  top: [/^writer .* 4\/0\/4 +[1-9]/m],
  doctor: [/^\d+ ok(, \d+ look)?$/m],
  told: [],
  mended: "The transaction is ended.",
  over: [/slow statement: \d{4,} ms on writer .*insert into orders/],
};

const functionSlow: Scenario = {
  name: "Reads are slow",
  broken: "Somebody's migration makes the price of one book take 0.6 s.",
  break: (stage) =>
    redefine(
      stage,
      `create or replace function price_of(book int) returns int language plpgsql stable as $$
       begin
         if book = 4 then perform pg_sleep(0.6); end if;
         return (select price_cents from books where id = book);
       end $$`,
    ),
  alerts: ["PointsmanSlow"],
  panels: [
    { panel: "Readers", shows: "more than 0.5 s", when: (lines) => some(lines, {}, 0.5) },
    {
      panel: "p95 by command",
      shows: "more than 0.5 s",
      when: (lines) => some(lines, { operation: "SELECT" }, 0.5),
    },
  ],
  log: [/slow statement: \d+ ms on reader .*price_of/],
  top: [/^reader +\S+ +0 .* ([5-9]\d\d ms|1\.\d s)/m, / reader +select id, title, price_of/],
  doctor: [/^\d+ ok(, \d+ look)?$/m],
  told: [],
  mended: "The function is as it was.",
  over: [],
};

const identityLost: Scenario = {
  name: "Tokens expire",
  broken:
    "The process gets no AWS credentials any more, those that it has end, and so do its connections.",
  async break({ cluster }) {
    const { credentials, user } = cluster.iam;
    credentials.fail(true);
    credentials.rotate({ revoke: true });
    const endAll = `select pg_terminate_backend(pid) from pg_stat_activity where usename = '${user}'`;
    await Promise.all(cluster.servers.map(({ url }) => superuser(url, endAll)));
    return async () => credentials.fail(false);
  },
  alerts: ["PointsmanConnectFailures", "PointsmanErrors"],
  panels: [
    {
      panel: "Connections that failed",
      shows: "that passwords cannot be made",
      when: (lines) => some(lines, { error: "PASSWORD_UNAVAILABLE" }),
    },
    {
      panel: "Errors by code",
      shows: "PASSWORD_UNAVAILABLE",
      when: (lines) => some(lines, { error: "PASSWORD_UNAVAILABLE" }),
    },
  ],
  log: [/connect failed: writer .*IAM has no AWS credentials/],
  top: [/connects failing (0\.)?[1-9]/],
  doctor: [/✗ bad +credentials/],
  told: ["GET 503", "POST 503"],
  mended: "It gets credentials again.",
  over: [],
};

const writerLost: Scenario = {
  name: "The writer fails over",
  broken: "The writer is killed while orders are under way.",
  async break(stage) {
    const { cluster } = stage;
    const lock = "begin; lock table orders in exclusive mode";
    await holding(cluster.writer.url, lock);
    await ordersWait(stage);
    await cluster.crash(cluster.servers[0]);
    return async () => {
      await cluster.promote(readerOf(stage));
      await cluster.heal();
    };
  },
  alerts: ["PointsmanWriterLost", "PointsmanFailover", "PointsmanWriteOutcomeUnknown"],
  panels: [
    {
      panel: "The writer is looked for",
      shows: "1, and who waits",
      when: (lines) => some(lines, {}, 1),
    },
    { panel: "Failovers", shows: "one", when: (lines) => some(lines, {}) },
    {
      panel: "Errors by code",
      shows: "WRITE_OUTCOME_UNKNOWN",
      when: (lines) => some(lines, { error: "WRITE_OUTCOME_UNKNOWN" }),
    },
  ],
  log: [/writer lost: app\.cluster/, /outcome unknown: /],
  top: [/SEARCHING/],
  doctor: [/✗ bad +login/],
  // 503 where the writer is away for longer than failoverTimeout: what was not sent has not happened.
  told: ["POST 500", "GET 503", "POST 503"],
  mended: "A reader is promoted, and the old writer comes back as a reader.",
  over: [/writer found: \S+ after \d+ ms/],
};

/** Waits until an order is under way, and waits for its table. */
async function ordersWait({ cluster }: Stage): Promise<void> {
  await superuser(
    cluster.writer.url,
    `do $$ begin
       while not exists (select from pg_locks where not granted) loop
         perform pg_sleep(0.01);
       end loop;
     end $$`,
  );
}

/** What goes wrong on an operator's afternoon, one after another. */
export const scenarios: readonly Scenario[] = [
  readerKilled,
  readerLags,
  allLag,
  functionSlow,
  lockForgotten,
  functionMisjudged,
  identityLost,
  writerLost,
];
