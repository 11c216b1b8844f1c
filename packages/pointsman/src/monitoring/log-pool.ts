import { runInScope } from "../scope.ts";
import { listenTo } from "../telemetry/listen.ts";
import {
  connectLine,
  evictionLine,
  failoverLine,
  type LogLine,
  learningLine,
  logLines,
  readerLine,
  retryLine,
  statementLine,
} from "../telemetry/log-lines.ts";
import type { LogSettings } from "../telemetry/logger.ts";
import { warnOfFailingLogger } from "../telemetry/logging-warnings.ts";

/**
 * Has lines written of what becomes of a pool and its statements.
 *
 * @returns ends it
 */
export function logPool(pool: object, { write, slowMillis }: LogSettings): () => void {
  let hasFailed = false;
  const failed = (error: unknown): void => {
    if (!hasFailed) warnOfFailingLogger(error);
    hasFailed = true;
  };
  const log = (line: LogLine | undefined): void => {
    if (line === undefined) return;
    try {
      // A logger that writes into a database must not do so in its caller's transaction.
      runInScope(undefined, () => {
        const written: unknown = write(logLines[line.kind].level, line.message, line.details);
        if (written instanceof Promise) written.catch(failed);
      });
    } catch (error) {
      failed(error);
    }
  };
  return listenTo(pool, {
    "statement:end": (event) => log(statementLine(event, slowMillis)),
    retry: (event) => log(retryLine(event)),
    connect: (event) => log(connectLine(event)),
    eviction: (event) => log(evictionLine(event)),
    reader: (event) => log(readerLine(event)),
    failover: (event) => log(failoverLine(event)),
    learning: (event) => log(learningLine(event)),
  });
}
