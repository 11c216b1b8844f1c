export { type CapturedQuery, captureQueries } from "./testing/capture-queries.ts";
export { type ExpectedQueries, expectQueries } from "./testing/expect-queries.ts";
