/**
 * How much is routed.
 *
 * - `auto`: each statement goes where it belongs.
 * - `writer-only`: everything goes to the writer.
 * - `reader-on-request`: a read goes to a reader only where somebody asked for one.
 */
export type RoutingMode = "auto" | "writer-only" | "reader-on-request";

export const routingModes = [
  "auto",
  "writer-only",
  "reader-on-request",
] as const satisfies readonly RoutingMode[];
