// Uses a pool, and a plain one of pg, beside @opentelemetry/instrumentation-pg, and prints the names
// of the spans with those of their parents, and how often each metric was recorded.
// Arguments: when the instrumentation is registered ("before" or "after" pg is loaded); whether the
// pool is instrumented itself ("both" or "theirs"); options of the instrumentation as JSON.
const { context, metrics, trace } = require("@opentelemetry/api");
const { AsyncLocalStorageContextManager } = require("@opentelemetry/context-async-hooks");
const { registerInstrumentations } = require("@opentelemetry/instrumentation");
const { PgInstrumentation } = require("@opentelemetry/instrumentation-pg");
const sdkMetrics = require("@opentelemetry/sdk-metrics");
const sdkTrace = require("@opentelemetry/sdk-trace-base");

const [when, whose, config] = process.argv.slice(2);

const exporter = new sdkTrace.InMemorySpanExporter();
const tracerProvider = new sdkTrace.BasicTracerProvider({
  spanProcessors: [new sdkTrace.SimpleSpanProcessor(exporter)],
});
const metricExporter = new sdkMetrics.InMemoryMetricExporter(0);
const reader = new sdkMetrics.PeriodicExportingMetricReader({
  exporter: metricExporter,
  exportIntervalMillis: 3_600_000,
});
const meterProvider = new sdkMetrics.MeterProvider({ readers: [reader] });
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
trace.setGlobalTracerProvider(tracerProvider);
metrics.setGlobalMeterProvider(meterProvider);

const register = () =>
  registerInstrumentations({ instrumentations: [new PgInstrumentation(JSON.parse(config))] });

if (when === "before") register();
require("pg");
const { createPool } = require("pointsman");
const { instrumentPool } = require("pointsman/opentelemetry");
if (when === "after") register();
// What is loaded already is patched when somebody asks for it again.
const pg = require("pg");

const tracer = trace.getTracer("test");

/** Runs something in a span of its own, as a request is. */
async function inSpan(name, run) {
  const span = tracer.startSpan(name);
  try {
    return await context.with(trace.setSpan(context.active(), span), run);
  } finally {
    span.end();
  }
}

/** What the application's own code does: a span here must be seen, with the right parent. */
const own = (name) => tracer.startSpan(name).end();

async function useAll(pool) {
  await inSpan("promise", async () => {
    await pool.query("select 1 from pg_class where oid = $1", [1]);
    own("behind a promise");
  });
  await inSpan(
    "callback",
    () =>
      new Promise((resolve) => {
        pool.query("select 2 from pg_class limit 1", () => {
          own("in a callback");
          resolve();
        });
      }),
  );
  await inSpan("values", async () => {
    const value = {
      toPostgres() {
        own("in a value");
        return "1";
      },
    };
    await pool.query("select $1::int from pg_class limit 1", [value]);
  });
  await inSpan("client", async () => {
    const client = await pool.connect();
    own("behind connect");
    await client.query("begin");
    await client.query("create temporary table if not exists parts (id int) on commit drop");
    await client.query("commit");
    client.release();
    own("behind release");
  });
  await inSpan("transaction", () =>
    pool.transaction(async (tx) => {
      own("in a transaction");
      await tx.query("select 3 from pg_class limit 1");
    }),
  );
  await inSpan("many", () =>
    Promise.all(
      Array.from({ length: 30 }, async () => {
        await pool.query("select 4 from pg_class limit 1");
      }),
    ),
  );
  await inSpan("listen", async () => {
    const client = await pool.writer.connect();
    const heard = new Promise((resolve) => client.once("notification", resolve));
    client.on("notification", () => own("in a notification"));
    await client.query("listen news");
    await pool.query("select pg_notify('news', '')");
    await heard;
    client.release(true);
  });
}

async function main() {
  const pool = createPool();
  pool.on("connect", () => own("connected"));
  const stop = whose === "both" ? instrumentPool(pool) : () => {};
  await useAll(pool);
  stop();
  await inSpan("stopped", () => pool.query("select 6"));
  const plain = new pg.Pool({ connectionString: process.env.DATABASE_URL });
  await inSpan("plain", () => plain.query("select 5"));
  await plain.end();
  await pool.end();
  const spans = exporter.getFinishedSpans();
  const byId = new Map(spans.map((span) => [span.spanContext().spanId, span]));
  await meterProvider.forceFlush();
  const recorded = metricExporter
    .getMetrics()
    .at(-1)
    .scopeMetrics.flatMap(({ scope, metrics }) =>
      metrics.map(({ descriptor, dataPoints }) => ({
        scope: scope.name,
        name: descriptor.name,
        count: dataPoints.reduce((sum, { value }) => sum + (value.count ?? 1), 0),
      })),
    );
  const told = spans.map((span) => ({
    scope: span.instrumentationScope.name,
    name: span.name,
    parent: byId.get(span.parentSpanContext?.spanId)?.name,
  }));
  console.log(JSON.stringify({ spans: told, recorded }));
}

main();
