import { AsyncResource } from "node:async_hooks";

/**
 * Lets a callback run in the context of whoever passed it. Not by `AsyncResource.bind`, which makes
 * a deprecated property on each function and takes longer than a short query.
 */
export function inCallersContext<F extends (...args: never[]) => unknown>(callback: F): F {
  const context = new AsyncResource("pointsman.callback");
  return ((...args: never[]) =>
    context.runInAsyncScope(callback as never, undefined, ...args)) as F;
}
