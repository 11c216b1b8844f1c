import type { PoolClient } from "pg";
import type { AmbientTransaction } from "./ambient-transaction.ts";
import { currentScope } from "./scope.ts";
import { failSubmittable, isSubmittable, type QueryInput } from "./servers/query-input.ts";

/**
 * What the callback of a transaction gets: its client, whose statements wait while a nested
 * transaction is open that they are not part of, and are refused once theirs is over (the client
 * may belong to somebody else by then).
 */
export function transactionClient(level: AmbientTransaction): Omit<PoolClient, "release"> {
  const query = (input: unknown, values?: unknown, callback?: unknown): unknown => {
    if (level.open && !level.mustWait(currentScope()?.transaction)) {
      return send(level.client, input, values, callback);
    }
    const given = [callback, values].find((argument) => typeof argument === "function") as
      | ((error: unknown) => void)
      | undefined;
    const parameters = typeof values === "function" ? undefined : values;
    const later = level.run((client) => send(client, input, parameters, given));
    if (isSubmittable(input)) {
      later.catch((error: Error) => failSubmittable(input as QueryInput, error));
      return input;
    }
    if (given === undefined) return later;
    later.catch(given);
    return undefined;
  };
  return new Proxy(level.client, {
    get(client, key) {
      if (key === "query") return query;
      if (key === "release") return undefined;
      const value: unknown = Reflect.get(client, key, client);
      return typeof value === "function" ? value.bind(client) : value;
    },
  });
}

function send(client: PoolClient, ...args: readonly unknown[]): unknown {
  return (client.query as (...args: unknown[]) => unknown).call(client, ...args);
}
