import { AsyncLocalStorage } from "node:async_hooks";

const storage = new AsyncLocalStorage<object>();

/**
 * Runs listeners and hooks that set a client up. What they send on it, also later and after an
 * `await`, belongs to its set-up.
 */
export function runAsSetUp<T>(client: object, fn: () => T): T {
  return storage.run(client, fn);
}

/** Whether the caller is setting this client up. */
export function isSettingUp(client: object): boolean {
  return storage.getStore() === client;
}
