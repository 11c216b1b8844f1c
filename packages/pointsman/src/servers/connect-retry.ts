const worthwhile = new WeakSet<Error>();

/** Says of an error that connecting may succeed at once where it has just failed. */
export function retryConnect(error: Error): void {
  worthwhile.add(error);
}

/** Whether connecting may succeed at once where it has just failed. */
export function isWorthRetry(error: unknown): boolean {
  return error instanceof Error && worthwhile.has(error);
}
