import type { PoolOptions } from "pointsman";

/** Options that make a pool of `localCluster()` one of each kind, for `describe.each`. */
export const kinds: readonly { readonly kind: string; readonly options: PoolOptions }[] = [
  { kind: "with one server", options: { reader: undefined } },
  { kind: "with readers", options: {} },
];
