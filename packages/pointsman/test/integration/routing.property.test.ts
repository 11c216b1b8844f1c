import fc from "fast-check";
import {
  type Classification,
  classify,
  decide,
  type RouteContext,
  type Verdict,
  verdicts,
} from "pointsman";
import { describe, expect, it } from "vitest";
import { noContext, proposedTarget } from "../../src/routing/decide.ts";
import { reasons } from "../../src/routing/reasons.ts";

const target = fc.constantFrom("writer", "reader");
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

const contexts: fc.Arbitrary<RouteContext> = fc.record({
  transaction: optional(target),
  conversation: optional(fc.boolean()),
  scope: optional(fc.boolean()),
  asked: optional(target),
  refused: optional(fc.boolean()),
  policy: optional(fc.constantFrom("writer", "reader", "migrations")),
  hook: optional(target),
  mode: optional(fc.constantFrom("auto", "writer-only", "reader-on-request")),
  stale: optional(fc.constantFrom("strong", "write-pending", "position-unknown")),
  readOnlyTransactions: optional(target),
});
const outsideTransactions = contexts.map((context) => ({ ...context, transaction: undefined }));

const hints = optional(target);
const functions = fc.array(
  fc.record({
    name: fc.constantFrom("f", "g"),
    knowledge: fc.constantFrom("harmless", "writes", "server-bound", "unknown"),
  }),
  { maxLength: 3 },
);
const sessions = fc.array(fc.constantFrom("setting", "role", "lock"), { maxLength: 2 });

const judged = (
  effect: fc.Arbitrary<Classification["effect"]>,
  verdict: fc.Arbitrary<Verdict>,
  reader: boolean,
): fc.Arbitrary<Classification> =>
  fc
    .record({ effect, verdict, functions, session: sessions, hint: hints, lock: fc.boolean() })
    .map(({ lock, hint, ...facts }) => ({
      ...facts,
      reader,
      statements: [],
      reads: [],
      writes: [],
      repeatable: false,
      ...(hint === undefined ? {} : { hint }),
      ...(lock ? { meaninglessOnReader: "pg_advisory_lock" } : {}),
    })) as fc.Arbitrary<Classification>;

const anyVerdict = fc.constantFrom(...(Object.keys(verdicts) as Verdict[]));
const effects = fc.constantFrom("read", "write", "transaction", "session");
const mustWrite = judged(fc.constantFrom("write", "transaction", "session"), anyVerdict, false);
const canRead = judged(fc.constant("read"), fc.constant<Verdict>("plain-read"), true);
const anything = fc.oneof(
  judged(effects, anyVerdict, false),
  judged(effects, anyVerdict, true),
  mustWrite,
  canRead,
);

const holds = <T extends [unknown, ...unknown[]]>(
  arbitraries: { [K in keyof T]: fc.Arbitrary<T[K]> },
  predicate: (...values: T) => boolean,
): void => {
  const tuples = fc.tuple(...(arbitraries as fc.Arbitrary<unknown>[])) as fc.Arbitrary<unknown>;
  fc.assert(
    fc.property(tuples, (values) => predicate(...(values as T))),
    { numRuns: 500 },
  );
};

describe("decide, for any statement in any context", () => {
  it("R1: an open transaction decides, whatever else is asked", () => {
    holds([anything, contexts, target], (facts, context, transaction) => {
      const route = decide(facts, { ...context, transaction });
      return route.target === transaction && route.reason === "open-transaction";
    });
  });

  it("P1: what must not run on a reader never goes to one outside of a transaction", () => {
    holds([mustWrite, outsideTransactions], (facts, context) => {
      return decide(facts, context).target === "writer";
    });
  });

  it("P1: what calls a function that is not known to be harmless never goes to a reader", () => {
    const calling = judged(fc.constant("read"), anyVerdict, false).filter((facts) =>
      facts.functions.some(({ knowledge }) => knowledge !== "harmless"),
    );
    holds([calling, outsideTransactions], (facts, context) => {
      return decide(facts, context).target === "writer";
    });
  });

  it("P1: what means nothing on a reader never goes to one", () => {
    const meaningless = judged(effects, anyVerdict, false).filter(
      (facts) => facts.meaninglessOnReader !== undefined,
    );
    holds([meaningless, outsideTransactions], (facts, context) => {
      return decide(facts, context).target === "writer";
    });
  });

  it("R1: any one wish for the writer is enough", () => {
    const wishes = fc.constantFrom<RouteContext>(
      { conversation: true },
      { refused: true },
      { scope: true },
      { asked: "writer" },
      { mode: "writer-only" },
    );
    holds([anything, outsideTransactions, wishes], (facts, context, wish) => {
      return decide(facts, { ...context, ...wish }).target === "writer";
    });
  });

  it("R1: a hint to the writer is enough", () => {
    holds([anything, outsideTransactions], (facts, context) => {
      return decide({ ...facts, hint: "writer" }, context).target === "writer";
    });
  });

  it("R32: with writer-only nothing goes to a reader outside of a transaction", () => {
    holds([anything, outsideTransactions], (facts, context) => {
      return decide(facts, { ...context, mode: "writer-only" }).target === "writer";
    });
  });

  it("R32: with reader-on-request only what was asked for goes to a reader", () => {
    holds([canRead, hints, hints, hints, hints], (facts, asked, hint, hook, policy) => {
      const { hint: _hint, ...others } = facts;
      const said = [asked, hint, hook, policy];
      const statement = hint === undefined ? others : { ...others, hint };
      const route = decide(statement, { mode: "reader-on-request", asked, hook, policy });
      const pinned = [asked, hint].filter((one) => one !== undefined);
      const expected = pinned.includes("writer")
        ? "writer"
        : (said.find((one) => one !== undefined) ?? "writer");
      return route.target === expected;
    });
  });

  it("R32: with reader-on-request READ ONLY transactions go to a reader", () => {
    const facts = classify("begin read only");
    expect(decide(facts, { mode: "reader-on-request" }).target).toBe("reader");
  });

  it("R1: the hook is stronger than tables, and weaker than a query's target and hint", () => {
    holds([canRead, hints, hints, target, target], (facts, asked, hint, hook, policy) => {
      const { hint: _hint, ...others } = facts;
      const statement = hint === undefined ? others : { ...others, hint };
      const route = decide(statement, { asked, hook, policy });
      if (asked === undefined && hint === undefined) return route.target === hook;
      return route.reason === "asked" || route.reason === "hint";
    });
  });

  it("R1: neither hook nor tables send a read to a reader that is not fresh enough", () => {
    holds([canRead, outsideTransactions], (facts, context) => {
      return decide(facts, { ...context, stale: "write-pending" }).target === "writer";
    });
  });

  it("R1: a hook has no say in what must write, in transactions, and in what is pinned", () => {
    const pinned = fc.constantFrom<RouteContext>(
      { transaction: "writer" },
      { transaction: "reader" },
      { conversation: true },
      { refused: true },
      { scope: true },
      { asked: "writer" },
      { asked: "reader" },
      { mode: "writer-only" },
    );
    holds([anything, contexts, pinned], (facts, context, pin) => {
      return proposedTarget(facts, { ...context, ...pin }) === undefined;
    });
    holds([mustWrite, contexts], (facts, context) => proposedTarget(facts, context) === undefined);
  });

  it("R1: what is proposed to a hook is where the statement goes, but for freshness", () => {
    holds([anything, contexts], (facts, context) => {
      const proposed = proposedTarget(facts, context);
      const fresh = { ...context, hook: undefined, stale: undefined };
      return proposed === undefined || decide(facts, fresh).target === proposed;
    });
  });

  it("a plain read without a wish goes to a reader", () => {
    holds([canRead], ({ hint: _hint, ...facts }) => decide(facts).target === "reader");
  });

  it("a wish for a reader never moves what must not run there", () => {
    // Answers of one server, and rows of another database, may be asked of a reader.
    const text = judged(effects, anyVerdict, false).filter(
      ({ verdict }) => verdict !== "server-bound" && verdict !== "foreign-table",
    );
    holds([text], (facts) => decide(facts, { asked: "reader" }).target === "writer");
  });

  it("every route has a reason out of the list", () => {
    holds([anything, contexts], (facts, context) => {
      return Object.hasOwn(reasons, decide(facts, context).reason);
    });
  });

  it("the same question has the same, shared answer", () => {
    holds([anything, contexts], (facts, context) => {
      return decide(facts, context) === decide(facts, { ...context });
    });
  });

  it("a route cannot be changed", () => {
    holds([anything, contexts], (facts, context) => Object.isFrozen(decide(facts, context)));
  });

  it("no context is the empty context", () => {
    holds([anything], (facts) => decide(facts) === decide(facts, noContext));
  });
});

describe("decide, for texts", () => {
  const reads = fc.constantFrom(
    "select 1",
    "table books",
    "values (1)",
    "show work_mem",
    "explain select 1",
  );
  const writes = fc.constantFrom(
    "insert into books values (1)",
    "select * from books for update",
    "select nextval('tickets')",
    "select guess()",
    "with n as (delete from books returning 1) select * from n",
    "call p()",
    "set work_mem = '5MB'",
    "begin",
    "selec 1",
  );
  const comment = fc.constantFrom("", "/* trace */ ", "-- note\n", "/* pointsman:reader */ ");

  it("P1: a write never goes to a reader, whatever comments, scope and target say", () => {
    holds([comment, writes, outsideTransactions], (before, sql, context) => {
      return decide(classify(before + sql), context).target === "writer";
    });
  });

  it("P1: a read beside a write never goes to a reader", () => {
    holds([reads, writes, fc.boolean(), outsideTransactions], (read, write, first, context) => {
      const text = first ? `${write}; ${read}` : `${read}; ${write}`;
      return decide(classify(text), context).target === "writer";
    });
  });

  it("a read without a wish goes to a reader, whatever its comments", () => {
    holds([comment, reads], (before, sql) => decide(classify(before + sql)).target === "reader");
  });

  it("a READ ONLY transaction goes where the option says", () => {
    const facts = classify("begin read only");
    expect([
      decide(facts).target,
      decide(facts, { readOnlyTransactions: "reader" }).target,
      decide(facts, { readOnlyTransactions: "writer" }).target,
    ]).toEqual(["reader", "reader", "writer"]);
  });
});
