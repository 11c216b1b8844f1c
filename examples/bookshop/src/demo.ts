import { parseArgs } from "node:util";
import { type Cluster, startCluster } from "@pointsman/local";
import { createPool, type Pool, reasons } from "pointsman";
import { createApp } from "./app.ts";
import { createSchema } from "./database.ts";
import { Visitor } from "./demo/customers.ts";
import { count, wrap } from "./demo/format.ts";
import { type Screen, screenFor } from "./demo/screen.ts";
import { Spotlight } from "./demo/spotlight.ts";
import { Totals } from "./demo/totals.ts";
import { Trace } from "./demo/trace.ts";
import { progressLine, requestLines, runningTotals, summary } from "./demo/view.ts";
import { listen } from "./listen.ts";
import { type ShopSize, seed } from "./seed.ts";

const help = `Usage: npm run demo -- [options]

Starts one PostgreSQL writer and two readers on this machine, opens a bookshop on them, lets
customers in, and shows where each statement goes and why. Everything is gone afterwards.

  --seconds N   how long the customers stay (default: 12)
  --size N      1 for 20,000 books, 0.1 for a tenth of it (default: 1)
  --quiet       only the summary, not the requests
  --help        this text

Ctrl-C ends it early, with the summary so far and exit code 130. Exit code 1: something failed.`;

/** How many lines a second can be followed by eye. */
const linesPerSecond = 8;
const customers = 6;

interface Options {
  readonly seconds: number;
  readonly size: number;
  readonly quiet: boolean;
}

/** Thrown where somebody has pressed Ctrl-C. */
class Interrupted extends Error {}

function readOptions(): Options | undefined {
  const { values } = parseArgs({
    options: {
      seconds: { type: "string", default: "12" },
      size: { type: "string", default: "1" },
      quiet: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  const [seconds, size] = [Number(values.seconds), Number(values.size)];
  if (!(seconds > 0 && seconds <= 3600)) throw new Error("--seconds must be from 1 to 3600.");
  if (!(size > 0 && size <= 10)) throw new Error("--size must be more than 0 and at most 10.");
  return { seconds, size, quiet: values.quiet };
}

async function demo(options: Options, screen: Screen, interrupt: AbortSignal): Promise<void> {
  const interrupted = new Promise<never>((_, reject) => {
    interrupt.addEventListener("abort", () => reject(new Interrupted()), { once: true });
  });
  interrupted.catch(() => {});
  const starting = startCluster({ readers: 2 });
  let pool: Pool | undefined;
  try {
    screen.print(
      screen.paint("bold", "Pointsman: a bookshop on one PostgreSQL writer and two readers"),
      "",
    );
    screen.footer(["Starting the servers…"]);
    const start = performance.now();
    const cluster = await Promise.race([starting, interrupted]);
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    screen.print(
      `PostgreSQL ${cluster.version}, writer and two streaming readers: up in ${seconds} s.`,
    );

    // The instance endpoints of the readers: each connection is known to lead to this server. The
    // shop itself never sees more than the pool.
    pool = createPool({
      writer: cluster.writer.url,
      readers: cluster.readers.map((reader) => reader.url),
    });
    // A server that stops takes its idle connections with it; that is no news at the end.
    pool.on("error", () => {});

    const size = await Promise.race([fill(pool, cluster, options, screen), interrupted]);
    await play(pool, cluster, size, options, screen, interrupt);
    await pool.end();
  } finally {
    screen.close();
    const cluster = await starting.catch(() => undefined);
    await cluster?.stop();
  }
  if (interrupt.aborted) throw new Interrupted();
}

async function fill(
  pool: Pool,
  cluster: Cluster,
  options: Options,
  screen: Screen,
): Promise<ShopSize> {
  const label = "Filling the shelves";
  let quarters = 0;
  await createSchema(pool);
  const size = await seed(pool, {
    size: options.size,
    onProgress: ({ table, done, total }) => {
      screen.footer([progressLine(screen, label, done / total, table)]);
      if (!screen.live && Math.floor((4 * done) / total) > quarters) {
        quarters = Math.floor((4 * done) / total);
        screen.print(`${label}: ${quarters * 25} %`);
      }
    },
  });
  await cluster.waitForReplay(60_000);
  return size;
}

async function play(
  pool: Pool,
  cluster: Cluster,
  size: ShopSize,
  options: Options,
  screen: Screen,
  interrupt: AbortSignal,
): Promise<void> {
  const endpoints = new Map([
    ["writer", `${cluster.writer.host}:${cluster.writer.port}`],
    ...cluster.readers.map(({ name, host, port }) => [name, `${host}:${port}`] as const),
  ]);
  const totals = new Totals([...endpoints.keys()]);
  const spotlight = new Spotlight();
  const names = new Map([...endpoints].map(([name, endpoint]) => [endpoint, name]));
  const trace = new Trace(names);
  const shop = await listen(trace.watch(createApp(pool)), 0);
  // As in a shop that has been open for a while: connections are made, caches are warm.
  for (const path of ["/health", "/", "/books/1", "/health", "/back-office/report"]) {
    await (await fetch(shop.url + path)).text();
  }

  const introduction =
    `${count(size.books)} books are on sale at ${shop.url}, and customers come in. This is what ` +
    "they ask for, where each statement of it goes, why, and how long it takes:";
  screen.print(...wrap(introduction, screen.width), "");

  trace.start({
    statement: (statement) => totals.add(statement),
    request: (request) => {
      totals.requests += 1;
      spotlight.offer(request);
    },
  });
  const start = performance.now();
  const elapsed = () => (performance.now() - start) / 1000;
  const drawFooter = () => {
    const seconds = { done: Math.floor(elapsed()), all: options.seconds };
    screen.footer(runningTotals(screen, totals, seconds));
  };
  let shown = 0;
  const drawing = setInterval(() => {
    if (!options.quiet && shown <= elapsed() * linesPerSecond) {
      const request = spotlight.next();
      const lines = request ? requestLines(screen, request) : [];
      shown += lines.length;
      if (lines.length > 0) screen.print(...lines);
    }
    drawFooter();
  }, 100);

  const closing = new AbortController();
  const close = () => closing.abort();
  const closingTime = setTimeout(close, options.seconds * 1000);
  interrupt.addEventListener("abort", close, { once: true });
  try {
    const visitor = (number: number) => new Visitor(shop.url, number, size, closing.signal);
    await Promise.all([
      visitor(0).manage(),
      ...Array.from({ length: customers }, (_, i) => visitor(i + 1).shop()),
    ]);
  } finally {
    close();
    clearTimeout(closingTime);
    clearInterval(drawing);
    trace.stop();
    screen.footer([]);
    await shop.close();
  }
  screen.print(...summary(screen, totals, endpoints, reasons));
}

async function main(): Promise<number> {
  let options: Options | undefined;
  try {
    options = readOptions();
  } catch (error) {
    console.error(`${messageOf(error)}\n\n${help}`);
    return 1;
  }
  if (!options) {
    console.log(help);
    return 0;
  }

  const interrupt = new AbortController();
  let first = 0;
  const onSignal = () => {
    // The second Ctrl-C of somebody who cannot wait. The same signal can also come twice at once:
    // from the terminal, and from the process that started this one.
    if (interrupt.signal.aborted && performance.now() - first > 500) process.exit(130);
    first ||= performance.now();
    interrupt.abort();
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  process.on("SIGHUP", onSignal);
  // Whoever has started this process or reads its output is gone.
  process.on("disconnect", onSignal);
  process.stdout.on("error", onSignal);
  process.channel?.unref();

  const screen = screenFor(process.stdout);
  try {
    await demo(options, screen, interrupt.signal);
    return 0;
  } catch (error) {
    screen.close();
    if (error instanceof Interrupted) return 130;
    console.error(`The demo failed: ${messageOf(error)}`);
    return 1;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

process.exit(await main());
