// A process whose pool does what its parent says, over the channel of child_process.fork().
import { createPool, iam, type Pool, type PoolOptions } from "pointsman";
import type { Answer, Order } from "../support/steered-process.ts";

const uncaught: string[] = [];
process.on("uncaughtException", (error) => uncaught.push(String(error.stack)));
process.on("unhandledRejection", (reason) => uncaught.push(String(reason)));

let pool: Pool;
const sessions = new Map<string, Promise<void>>();
const steps = new Map<string, (step: Step) => void>();
type Step = () => Promise<void>;

async function obey(order: Order): Promise<unknown> {
  switch (order.do) {
    case "open": {
      const { iam: withIam, ...options } = order.options as PoolOptions & { iam?: boolean };
      pool = createPool({ ...options, ...(withIam === true ? { auth: iam() } : {}) });
      return undefined;
    }
    case "query":
      return ask(order);
    case "session":
      return openSession(order.name, order.after);
    case "advance clock":
      advanceClock(order.millis);
      return undefined;
    case "uncaught":
      return uncaught;
    case "end":
      return pool.end();
  }
}

/** In the session of that name, where one is given: it was opened before, and stays open. */
function ask(order: Order & { readonly do: "query" }): Promise<unknown> {
  const run = async () => (await pool.query(order.text, [...(order.values ?? [])])).rows;
  const step = order.session === undefined ? undefined : steps.get(order.session);
  if (step === undefined) return run();
  return new Promise((resolve, reject) => {
    step(() => run().then(resolve, reject));
  });
}

/** Opens a session that lives on: what is asked in it runs in its scope. */
function openSession(name: string, after: string | undefined): Promise<string | undefined> {
  return new Promise((opened) => {
    const session = pool.session(
      async () => {
        let next: (step: Step) => void = () => {};
        for (;;) {
          const step = new Promise<Step>((resolve) => {
            next = resolve;
          });
          steps.set(name, (one) => next(one));
          opened(undefined);
          await (await step)();
        }
      },
      after === undefined ? {} : { after },
    );
    sessions.set(name, session);
  });
}

/** What a clock shows to a process that was not there for a while. */
function advanceClock(millis: number): void {
  const Real = Date;
  globalThis.Date = class extends Real {
    constructor(...given: [] | [number]) {
      if (given.length === 0) super(Real.now() + millis);
      else super(...given);
    }
    static override now(): number {
      return Real.now() + millis;
    }
  } as DateConstructor;
}

process.on("message", ({ id, order }: { id: number; order: Order }) => {
  obey(order).then(
    (value) => process.send?.({ id, value } satisfies Answer),
    ({ code, message }) => process.send?.({ id, error: { code, message } } satisfies Answer),
  );
});
