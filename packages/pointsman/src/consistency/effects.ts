import { onlyReads } from "../statements/only-reads.ts";
import type { Classification, RelationName } from "../statements/types.ts";
import type { Verdict } from "../statements/verdicts.ts";

/** What a statement does to what others can see. Of a text that cannot be seen: anything. */
export interface VisibleEffects {
  /** It may change what reads see, by itself or when its transaction commits. */
  readonly writes: boolean;
  /** It may make writes visible that were made before, by the end of their transaction. */
  readonly commits: boolean;
  /** It undoes the open transaction and does nothing else. */
  readonly rollsBack: boolean;
  /** When it fails outside of a transaction it has changed nothing. */
  readonly allOrNothing: boolean;
  readonly begins: boolean;
  readonly listens: boolean;
  /** It shows data, and changes none that others can see. */
  readonly reads: boolean;
}

const anything: VisibleEffects = Object.freeze({
  writes: true,
  commits: true,
  rollsBack: false,
  allOrNothing: false,
  begins: false,
  listens: false,
  reads: false,
});

const plainRead: VisibleEffects = Object.freeze({
  writes: false,
  commits: false,
  rollsBack: false,
  allOrNothing: true,
  begins: false,
  listens: false,
  reads: true,
});

const known = new WeakMap<Classification, VisibleEffects>();

/** @param ignored - tables whose writes nobody needs to see: `name` or `schema.name` */
export function visibleEffects(
  facts: Classification | undefined,
  ignored: ReadonlySet<string>,
): VisibleEffects {
  if (facts === undefined) return anything;
  if (facts.verdict === "plain-read") return plainRead;
  if (ignored.size > 0 && onlyIgnored(facts, ignored)) return plainRead;
  let effects = known.get(facts);
  if (effects === undefined) {
    effects = judge(facts);
    known.set(facts, effects);
  }
  return effects;
}

/** A query that calls what may write: as a statement it is undone as a whole. */
const mayWriteByCalling: ReadonlySet<Verdict> = new Set([
  "unknown-function",
  "unknown-object",
  "writing-object",
]);

function judge(facts: Classification): VisibleEffects {
  const { statements, effect } = facts;
  if (statements.length === 0) return effect === "read" ? plainRead : anything;
  const kinds = statements.map(({ transaction }) => transaction?.kind);
  const alone = statements.length === 1;
  // Locks on rows are seen by nobody.
  const onlyLocks = facts.verdict === "row-lock" && facts.functions.every(onlyReads);
  return Object.freeze({
    writes: effect === "write" && !onlyLocks,
    reads: effect === "read" || onlyLocks,
    // Inside a procedure or a block there may be a COMMIT.
    commits:
      kinds.includes("commit") ||
      kinds.includes("commit-prepared") ||
      facts.verdict === "procedure",
    rollsBack: alone && kinds[0] === "rollback" && facts.transaction?.chain !== true,
    allOrNothing: alone && (facts.repeatable || mayWriteByCalling.has(facts.verdict)),
    begins: kinds.includes("begin"),
    listens: facts.session.includes("listening"),
  });
}

/** Whether all that a text does is to write to tables whose writes need not be seen. */
function onlyIgnored(facts: Classification, ignored: ReadonlySet<string>): boolean {
  return (
    facts.verdict === "data-change" &&
    facts.writes.length > 0 &&
    facts.functions.every(onlyReads) &&
    facts.statements.every(({ effect }) => effect === "write" || effect === "read") &&
    facts.writes.every((relation) => isIgnored(relation, ignored))
  );
}

function isIgnored({ schema, name }: RelationName, ignored: ReadonlySet<string>): boolean {
  return ignored.has(name) || (schema !== undefined && ignored.has(`${schema}.${name}`));
}
