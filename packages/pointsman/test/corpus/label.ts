import type { Evidence } from "./evidence.ts";
import type { Statement } from "./statement.ts";

/** Where a statement belongs, by what PostgreSQL did. */
export interface Label {
  /** `neither`: the writer does not accept it either, and it does not count. */
  readonly needs: "writer" | "reader" | "neither";
  /** What was seen, in words. */
  readonly because: string;
  /** A reader refuses it; the others that need the writer are accepted there, and wrongly. */
  readonly refused: boolean;
  /** An answer about one server: where it belongs is a matter of rules, and counted apart. */
  readonly arguable: boolean;
}

/** Statistics, addresses, locks and memory of one server: the names that the rule gives. */
const ofOneServer =
  /\bpg_stat_(?!reset|statements|file\b|ext)|\bpg_backend_pid\b|\binet_(server|client)_|\bpg_locks\b|_blocking_pids\b|\bpg_get_(aios|backend_memory_contexts|loaded_modules|shmem_allocations)/i;

/** Sizes, and statistics of tables, indexes and functions: any server may give them. */
const ofTables =
  /\bpg_stat(io)?_(user|all|sys)_|\bpg_stat_get_(live|dead|tuples|numscans|blocks|ins|mod|last|(auto)?(vacuum|analyze)|function|total)|_size\s*\(/i;

/** Settings, of which the rule names others only: those have the same value on every reader. */
const isSetting = /^\s*show\b|\bcurrent_setting\s*\(/i;

/** The label of a statement. Pure: everything that it depends on has been seen. */
export function labelOf({ text, topic }: Statement, { readers, writer }: Evidence): Label {
  if (!writer.outcome.accepted) return neither(`the writer: ${writer.outcome.message}`);
  if (!readers.outcome.accepted) {
    return { needs: "writer", because: readers.outcome.message, refused: true, arguable: false };
  }
  const effects = [
    ...readers.changed.map((what) => `leaves on a reader: ${what}`),
    ...writer.changed.map((what) => `leaves on the writer: ${what}`),
    ...(readers.wroteFile ? ["writes a file on a reader"] : []),
    ...(readers.locks ? ["takes an advisory lock on a reader"] : []),
    ...(readers.exports ? ["exports a snapshot of a reader"] : []),
    ...(readers.opens ? ["leaves a large object open on a reader"] : []),
    ...(readers.seeds ? ["leaves on a reader: the seed"] : []),
    ...(readers.reachedOut ? ["changes the writer from a reader"] : []),
    ...(writer.wrote ? ["changes data on the writer only"] : []),
    ...(readers.inside !== writer.inside
      ? [`its transaction: ${readers.inside} on a reader, ${writer.inside} on the writer`]
      : []),
  ];
  const about = topic === "this-server" || ofOneServer.test(text);
  const differs = readers.stable && !readers.sameElsewhere;
  const sized = ofTables.test(text) && !writer.sameAnswer;
  if (about || ((differs || sized) && effects.length === 0)) {
    const needs = ofTables.test(text) || isSetting.test(text) ? "reader" : "writer";
    return { needs, because: "an answer about one server", refused: false, arguable: true };
  }
  if (effects.length > 0) return wrong(effects.join("; "));
  if (readers.stable && !writer.sameAnswer) return wrong("another answer");
  const because = readers.stable ? "the same answer" : "an answer that is new each time";
  return { needs: "reader", because, refused: false, arguable: false };
}

function wrong(because: string): Label {
  return { needs: "writer", because, refused: false, arguable: false };
}

function neither(because: string): Label {
  return { needs: "neither", because, refused: false, arguable: false };
}
