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

/**
 * The same for the answer to a statement. What the callback throws nobody here can handle, and
 * others' answers may be in the same packet: as in pg it is thrown past all of them.
 */
export function answerInCallersContext<F extends (...args: never[]) => void>(callback: F): F {
  return inCallersContext(((...args: never[]) => {
    try {
      callback(...args);
    } catch (thrown) {
      process.nextTick(() => {
        throw thrown;
      });
    }
  }) as F);
}
