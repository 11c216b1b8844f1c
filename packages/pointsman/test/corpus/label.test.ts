import { expect, it } from "vitest";
import type { Outcome } from "./asker.ts";
import type { SeenOnReaders, SeenOnWriter } from "./evidence.ts";
import { labelOf } from "./label.ts";

const accepted: Outcome = { accepted: true, answer: "1" };
const refused: Outcome = { accepted: false, code: "25006", message: "read-only" };

const onReader: SeenOnReaders = {
  outcome: accepted,
  changed: [],
  wroteFile: false,
  stable: true,
  sameElsewhere: true,
  locks: false,
  exports: false,
  opens: false,
  reachedOut: false,
  seeds: false,
};
const onWriter: SeenOnWriter = {
  outcome: accepted,
  changed: [],
  wroteFile: false,
  sameAnswer: true,
  wrote: false,
};

const cases: Record<
  string,
  [text: string, Partial<SeenOnReaders>, Partial<SeenOnWriter>, needs: string, arguable?: true]
> = {
  "the same answer": ["select 1", {}, {}, "reader"],
  "a refusal by a reader": ["delete from t", { outcome: refused }, {}, "writer"],
  "a refusal by both": ["select 1 / 0", { outcome: refused }, { outcome: refused }, "neither"],
  "a refusal by the writer alone": ["select f()", {}, { outcome: refused }, "neither"],
  "another answer": ["select f()", {}, { sameAnswer: false }, "writer"],
  "an answer that is new each time": ["select random()", { stable: false }, {}, "reader"],
  "state on a reader": ["set a.b = 1", { changed: ["settings"] }, {}, "writer"],
  "state on the writer only": ["reset a.b", {}, { changed: ["settings"] }, "writer"],
  "a large object that stays open": ["select lo_open(1, 262144)", { opens: true }, {}, "writer"],
  "a file": ["copy t to 'f'", { wroteFile: true }, {}, "writer"],
  "an advisory lock": ["select f()", { locks: true, stable: false }, {}, "writer"],
  "an exported snapshot": ["select f()", { exports: true, stable: false }, {}, "writer"],
  "a seed": ["select setseed(0)", { seeds: true }, {}, "writer"],
  "a write from a reader to the writer": ["select f()", { reachedOut: true }, {}, "writer"],
  "a write on the writer only": ["select f()", {}, { wrote: true }, "writer"],
  "a transaction that writes": ["begin", { inside: "reads" }, { inside: "writes" }, "writer"],
  "a transaction that reads": [
    "begin read only",
    { inside: "reads" },
    { inside: "reads" },
    "reader",
  ],
  "another answer of each server": ["select f()", { sameElsewhere: false }, {}, "writer", true],
  "a setting of each server": ["show port", { sameElsewhere: false }, {}, "reader", true],
  "a name of the rule": ["select pg_backend_pid() > 0", {}, {}, "writer", true],
  "statistics of tables": ["table pg_stat_user_tables", {}, {}, "reader", true],
};

it.each(Object.entries(cases))("%s tells where a statement belongs", (_name, one) => {
  const [text, readers, writer, needs, arguable = false] = one;
  const evidence = { readers: { ...onReader, ...readers }, writer: { ...onWriter, ...writer } };
  const label = labelOf({ topic: "queries", text }, evidence);
  expect([label.needs, label.arguable]).toEqual([needs, arguable]);
});
