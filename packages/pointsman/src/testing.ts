export { type CapturedQuery, captureQueries } from "./testing/capture-queries.ts";
export { type ExpectedQueries, expectQueries } from "./testing/expect-queries.ts";
export {
  type FailingReaderOptions,
  failingReader,
  type ReaderFailure,
} from "./testing/failing-reader.ts";
export { type Lag, lagging } from "./testing/lagging.ts";
export { withRollback } from "./testing/with-rollback.ts";
