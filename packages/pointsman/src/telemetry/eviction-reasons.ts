/** Why a connection that was open is closed. The one source; docs/observability.md has the same. */
export const evictionReasons = {
  idle: "Nobody has used it for `idleTimeoutMillis`.",
  lifetime: "It has reached `maxLifetimeSeconds` or `maxUses`.",
  lost: "The server or the network has closed it, or lost it without a word.",
  silent:
    "Its server does not answer: not a second connection either, nor after a pause, nor a request to cancel.",
  failed: "It was given back with an error, closed by its user, or could not be set up.",
  "session-state": "What its user has left on it cannot be undone.",
  retired:
    "It is not to be used any more: its server is no writer now, has left the cluster or is too far behind, or one reader has a connection too many.",
  "pool-ended": "The pool was ended.",
} as const satisfies Record<string, string>;

export type EvictionReason = keyof typeof evictionReasons;
