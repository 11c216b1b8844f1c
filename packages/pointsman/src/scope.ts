import { AsyncLocalStorage } from "node:async_hooks";
import type { AmbientTransaction } from "./ambient-transaction.ts";
import type { FreshnessWish } from "./consistency/demand.ts";
import { type FreshnessOptions, readFreshness } from "./consistency/read-freshness.ts";
import type { SessionLine } from "./consistency/session.ts";
import { type Sent, sendInside } from "./lazy-result.ts";
import type { Staging } from "./staging.ts";

/** What holds for the code that runs inside a callback, and for everything that it calls. */
export interface Scope {
  /** All statements go to the writer. */
  readonly writer: boolean;
  /** The innermost transaction that this library opened around the code. */
  readonly transaction?: AmbientTransaction | undefined;
  /** The sessions that are open around the code, the innermost first. */
  readonly sessions?: readonly SessionLine[] | undefined;
  /** How fresh reads must be, where that differs from the pool. */
  readonly freshness?: FreshnessWish | undefined;
  /** What stands between pools and their connections, one for a pool. */
  readonly stagings?: readonly Staging[] | undefined;
}

/**
 * The storage hangs on the global object, so that an ESM copy, a CommonJS copy and the chunks of a
 * bundler in one process share one scope. The version in the key changes with the shape of `Scope`.
 */
const home = Symbol.for("pointsman.scope.v3");

function sharedStorage(): AsyncLocalStorage<Scope | undefined> {
  const holder = globalThis as { [home]?: AsyncLocalStorage<Scope | undefined> };
  holder[home] ??= new AsyncLocalStorage<Scope | undefined>();
  return holder[home];
}

const storage = sharedStorage();

/** The scope that the caller runs in, if any. */
export function currentScope(): Scope | undefined {
  return storage.getStore();
}

/** What stands between a pool and its connections, for code that runs in `scope`. */
export function stagingOf(
  pool: object,
  scope: Scope | undefined = currentScope(),
): Staging | undefined {
  return scope?.stagings?.find(({ pools }) => pools.has(pool));
}

/**
 * Runs `fn` in `scope`; `undefined` means in none. What it returns works in the scope, too, where it
 * is a lazy query or an async iterator.
 */
export function runInScope<T>(scope: Scope | undefined, fn: () => T): T {
  return sendInside(storage.run(scope, fn), (step) => storage.run(scope, step));
}

/**
 * Sends every statement inside `fn` to the writer, also in functions that it calls and that know
 * nothing of it. Nests; outside of `fn` nothing changes.
 *
 * @param fn - what to run; may be asynchronous
 * @returns what `fn` returns. A query of an ORM that would be sent only when somebody waits for it
 * is sent inside, and its promise returned; the steps of an async iterator are made inside.
 *
 * @example
 * ```ts
 * import { createPool, withWriter } from "pointsman";
 *
 * const pool = createPool();
 * const order = await withWriter(() => pool.query("select * from orders where id = $1", [42]));
 * ```
 */
export function withWriter<T extends PromiseLike<unknown>>(fn: () => T): Sent<T>;
export function withWriter<T>(fn: () => T): T;
export function withWriter<T>(fn: () => T): T {
  return runInScope({ ...currentScope(), writer: true }, fn);
}

/**
 * Runs `fn` with reads that are fresher, or may be older, than the pool's.
 *
 * @param options - `consistency` and `maxStaleness`, as in the options of the pool
 * @param fn - what to run; may be asynchronous
 * @returns what `fn` returns, like {@link withWriter}
 * @throws ConfigError for a value that is none
 *
 * @example
 * ```ts
 * import { createPool, withFreshness } from "pointsman";
 *
 * const pool = createPool();
 * const { rows } = await withFreshness({ consistency: "eventual" }, () =>
 *   pool.query("select count(*) from orders"),
 * );
 * ```
 */
export function withFreshness<T extends PromiseLike<unknown>>(
  options: FreshnessOptions,
  fn: () => T,
): Sent<T>;
export function withFreshness<T>(options: FreshnessOptions, fn: () => T): T;
export function withFreshness<T>(options: FreshnessOptions, fn: () => T): T {
  const scope = currentScope();
  const freshness = { ...scope?.freshness, ...readFreshness(options) };
  return runInScope({ writer: false, ...scope, freshness }, fn);
}

/**
 * Runs `fn` outside of the transaction that `pool.transaction()` has opened around the caller:
 * its statements are committed by themselves, on connections of their own.
 *
 * @param fn - what to run; may be asynchronous
 * @returns what `fn` returns, like {@link withWriter}
 *
 * @example
 * ```ts
 * import { createPool, outsideTransaction } from "pointsman";
 *
 * const pool = createPool();
 * await pool.transaction(async (tx) => {
 *   await tx.query("update accounts set balance = balance - 10 where id = 1");
 *   // stays, whatever becomes of the transaction
 *   await outsideTransaction(() => pool.query("insert into attempts (account) values (1)"));
 * });
 * ```
 */
export function outsideTransaction<T extends PromiseLike<unknown>>(fn: () => T): Sent<T>;
export function outsideTransaction<T>(fn: () => T): T;
export function outsideTransaction<T>(fn: () => T): T {
  return runInScope(
    { ...currentScope(), writer: currentScope()?.writer ?? false, transaction: undefined },
    fn,
  );
}

type AnyFunction = (this: unknown, ...args: never[]) => unknown;

/**
 * Wraps a function so that all its statements go to the writer, like {@link withWriter}. Works as a
 * wrapper and as a method decorator, in the standard's form and in TypeScript's older one, in any
 * order with the decorators of a framework.
 *
 * @example
 * ```ts
 * import { createPool, onWriter } from "pointsman";
 *
 * const pool = createPool();
 * const balanceOf = onWriter(async (id: number) => {
 *   const { rows } = await pool.query("select balance from accounts where id = $1", [id]);
 *   return rows[0]?.balance;
 * });
 *
 * class Accounts {
 *   balance = onWriter((id: number) => balanceOf(id)); // or, as a decorator: @onWriter
 * }
 * ```
 */
export function onWriter<F extends AnyFunction>(
  fn: F,
  context?: ClassMethodDecoratorContext | undefined,
): F;
export function onWriter(
  target: object,
  key: string | symbol,
  descriptor: PropertyDescriptor,
): PropertyDescriptor;
export function onWriter(
  first: AnyFunction | object,
  _second?: unknown,
  descriptor?: PropertyDescriptor,
): unknown {
  if (descriptor !== undefined) {
    return { ...descriptor, value: onWriter(descriptor.value as AnyFunction) };
  }
  const fn = first as AnyFunction;
  const wrapped = function (this: unknown, ...args: never[]): unknown {
    return withWriter(() => fn.apply(this, args));
  };
  copyMetadata(fn, wrapped);
  return Object.defineProperty(wrapped, "name", { value: fn.name, configurable: true });
}

/** What the package reflect-metadata adds to `Reflect`, where an application has loaded it. */
interface Metadata {
  getOwnMetadataKeys?(target: object): readonly unknown[];
  getOwnMetadata(key: unknown, target: object): unknown;
  defineMetadata(key: unknown, value: unknown, target: object): void;
}

/** Frameworks such as NestJS write what decorators say of a method on its function: its route, say. */
function copyMetadata(from: object, to: object): void {
  const metadata = Reflect as unknown as Metadata;
  for (const key of metadata.getOwnMetadataKeys?.(from) ?? []) {
    metadata.defineMetadata(key, metadata.getOwnMetadata(key, from), to);
  }
}
