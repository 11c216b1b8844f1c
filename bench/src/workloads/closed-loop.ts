/**
 * Does an operation many times, a fixed number of them at once: the next starts when one is done.
 *
 * @example
 * const run = closedLoop(() => pool.query("select 1"));
 * await run(1000, 10);
 */
export function closedLoop(
  operation: () => Promise<unknown>,
): (operations: number, concurrency: number) => Promise<void> {
  return async (operations, concurrency) => {
    let left = operations;
    const line = async (): Promise<void> => {
      while (left > 0) {
        left -= 1;
        await operation();
      }
    };
    await Promise.all(Array.from({ length: concurrency }, line));
  };
}
