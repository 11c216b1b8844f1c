/** What the checker verifies. The first four are the session guarantees of Terry and others, 1994. */
export const guarantees = {
  "read-your-writes": "A session sees what it has written.",
  "monotonic-reads": "What a session has once seen of a key, it does not un-see.",
  "monotonic-writes": "Nobody sees a session's later write without its earlier one.",
  "writes-follow-reads": "Nobody sees a write without what its session had read before it.",
  "never-back-in-time":
    "Who has seen a write sees all that was acknowledged before that write was sent.",
  "single-copy": "What is read was written and not rolled back, and no version is given out twice.",
} as const;

export type Guarantee = keyof typeof guarantees;
