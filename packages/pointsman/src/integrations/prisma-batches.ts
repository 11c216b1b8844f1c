import { AsyncResource } from "node:async_hooks";
import { ConfigError } from "../errors.ts";
import { currentScope, type Scope } from "../scope.ts";

/** How a client of Prisma puts queries together: what `findUnique` asks for within one turn. */
interface Batching {
  /** Queries with the same key become one; `undefined`: it is sent at once, by itself. */
  batchBy(request: Request): string | undefined;
  singleLoader(request: Request): Promise<unknown>;
  batchLoader(requests: readonly Request[]): Promise<unknown>;
}

interface Request {
  /** The transaction that it is part of. */
  readonly transaction?: object | undefined;
}

/** What is used of a client of Prisma beyond its documented surface. */
interface Client {
  readonly _requestHandler?: { readonly dataloader?: { options?: Batching } };
}

const kept = new WeakSet<Batching>();

/**
 * Lets a client of Prisma send each query in the scope of its caller.
 *
 * By itself it collects all `findUnique` queries and transactions of one turn, of whichever callers,
 * and sends them in the context of the first: a read of one session would be as fresh as another
 * session's, and a write would count for that. Here only those of one scope become one query, and
 * each is sent in the context of who asked for it.
 *
 * @throws ConfigError where the client is not built as is known here
 */
export function keepScopes(client: object): void {
  const dataloader = (client as Client)._requestHandler?.dataloader;
  const batching = dataloader?.options;
  if (dataloader === undefined || !isBatching(batching)) {
    throw new ConfigError(
      "prisma",
      "This is no client of Prisma that is known here: queries of several callers, which it puts together, could not be told apart. Give the extension to a PrismaClient of version 7, and tell us of versions behind that.",
    );
  }
  if (!kept.has(batching)) dataloader.options = scoped(batching);
}

function isBatching(options: Batching | undefined): options is Batching {
  return [options?.batchBy, options?.singleLoader, options?.batchLoader].every(
    (part) => typeof part === "function",
  );
}

function scoped(batching: Batching): Batching {
  const contexts = new WeakMap<Request, AsyncResource>();
  const inContextOf = <T>(request: Request | undefined, work: () => T): T => {
    const context = request && contexts.get(request);
    return context === undefined ? work() : context.runInAsyncScope(work);
  };
  const own: Batching = {
    ...batching,
    batchBy(request) {
      const key = batching.batchBy(request);
      if (key === undefined) return undefined;
      contexts.set(request, new AsyncResource("pointsman.prisma"));
      // Statements of a transaction belong together, and to nobody else's.
      return request.transaction === undefined ? `${nameOf(currentScope())} ${key}` : key;
    },
    singleLoader: (request) => inContextOf(request, () => batching.singleLoader(request)),
    batchLoader: (requests) => inContextOf(requests[0], () => batching.batchLoader(requests)),
  };
  kept.add(own);
  return own;
}

/** What scopes that mean the same have in common. */
function nameOf(scope: Scope | undefined): string {
  if (scope === undefined) return "";
  const { writer, transaction, sessions = [], freshness, stagings = [] } = scope;
  const objects = [transaction, ...sessions, undefined, ...stagings].map(numberOf);
  return JSON.stringify([writer, freshness, objects]);
}

const numbers = new WeakMap<object, number>();
let last = 0;

function numberOf(object: object | undefined): number {
  if (object === undefined) return 0;
  const number = numbers.get(object) ?? ++last;
  numbers.set(object, number);
  return number;
}
