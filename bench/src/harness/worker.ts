import type { Benchmark, Contender } from "./benchmark.ts";
import type { Answer, Order, Slice } from "./protocol.ts";

// The program of a measured process: it holds one contender and runs slices of it when told to.

let contender: Contender | undefined;

async function obey(order: Order): Promise<Answer> {
  switch (order.do) {
    case "open": {
      // Built beside this file.
      const { benchmark } = (await import(new URL("./benchmark.mjs", import.meta.url).href)) as {
        benchmark: Benchmark;
      };
      contender = await benchmark.contenders[order.contender]?.(order.servers);
      if (contender === undefined) throw new Error(`There is no contender ${order.contender}.`);
      return { ok: true };
    }
    case "slice":
      return { ok: true, slice: await measure(order.operations, order.concurrency) };
    case "close":
      await contender?.close?.();
      return { ok: true };
  }
}

async function measure(operations: number, concurrency: number): Promise<Slice> {
  const { prepare, run, found } = bound();
  await prepare?.(operations);
  // What earlier slices have left behind must not be paid for in this one. Not all of the heap: with
  // the last object of a shape V8 throws away the code that was compiled for it.
  globalThis.gc?.({ type: "minor" } as never);
  const cpuBefore = process.cpuUsage();
  const before = process.hrtime.bigint();
  const running = run(operations, concurrency);
  if (running !== undefined) await running;
  const wallNs = Number(process.hrtime.bigint() - before);
  const { user, system } = process.cpuUsage(cpuBefore);
  return { wallNs, cpuNs: (user + system) * 1000, found: found?.() };
}

function bound(): Pick<Contender, "prepare" | "run" | "found"> {
  if (contender === undefined) throw new Error("No contender is open.");
  const { prepare, run, found } = contender;
  return {
    ...(prepare === undefined ? {} : { prepare: prepare.bind(contender) }),
    run: run.bind(contender),
    ...(found === undefined ? {} : { found: found.bind(contender) }),
  };
}

process.on("message", (order: Order) => {
  obey(order).then(
    (answer) => {
      process.send?.(answer);
      if (order.do === "close") process.disconnect();
    },
    (error: Error) => process.send?.({ ok: false, error: error.stack ?? error.message }),
  );
});
