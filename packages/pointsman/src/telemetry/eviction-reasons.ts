/** Why a connection that was open is closed. The one source; docs/observability.md has the same. */
export const evictionReasons = {
  idle: "Nobody has used it for `idleTimeoutMillis`.",
  lifetime: "It has reached `maxLifetimeSeconds` or `maxUses`.",
  lost: "The server or the network has closed it.",
  silent: "Its server has not answered, and is not there as far as a second connection can tell.",
  failed: "It was given back with an error.",
  "session-state": "What its user has left on it could not be undone.",
  retired:
    "Its server is not to be used any more: it is no writer now, has left the cluster, or is one reader of too many here.",
  "pool-ended": "The pool was ended.",
} as const satisfies Record<string, string>;

export type EvictionReason = keyof typeof evictionReasons;
