import { classify } from "pointsman";
import { describe, expect, it } from "vitest";
import { stepOf } from "../../src/testing/one-connection/step.ts";

const chain = { kind: "refused", what: "COMMIT AND CHAIN" };

describe("what a text means to transactions that are played as savepoints", () => {
  it.each([
    ["select 1", { kind: "statement", reads: true }],
    ["select 1; table t", { kind: "statement", reads: true }],
    ["-- nothing", { kind: "statement", reads: true }],
    ["insert into t values (1)", { kind: "statement", reads: false }],
    ["select * from t for update", { kind: "statement", reads: false }],
    ["set search_path = x", { kind: "statement", reads: false }],
    ["no sql", { kind: "statement", reads: false }],
    ["begin", { kind: "begin", readOnly: false }],
    ["start transaction isolation level serializable", { kind: "begin", readOnly: false }],
    ["begin transaction read only", { kind: "begin", readOnly: true }],
    ["commit", { kind: "commit" }],
    ["end", { kind: "commit" }],
    ["rollback", { kind: "rollback" }],
    ["abort", { kind: "rollback" }],
    ["savepoint a", { kind: "savepoint" }],
    ["release a", { kind: "release" }],
    ["rollback to a", { kind: "rollback-to" }],
    ["rollback to savepoint a; release savepoint a", { kind: "rollback-to" }],
    ["savepoint a; insert into t values (1)", { kind: "statement", reads: false }],
    ["commit prepared 'a'", { kind: "statement", reads: false }],
    ["set transaction read only", { kind: "statement", reads: false }],
    [
      "set transaction isolation level serializable, read only",
      { kind: "isolation", instead: "SET TRANSACTION READ ONLY" },
    ],
    ["commit and chain", chain],
    ["end and chain", chain],
    ["select 1; commit and chain", chain],
    ["rollback and chain", { kind: "refused", what: "ROLLBACK AND CHAIN" }],
    ["prepare transaction 'a'", { kind: "refused", what: "PREPARE TRANSACTION" }],
    ["begin; select 1; commit", { kind: "refused", what: "BEGIN in a text of several statements" }],
    ["select 1; end", { kind: "refused", what: "COMMIT in a text of several statements" }],
    ["rollback; select 1", { kind: "refused", what: "ROLLBACK in a text of several statements" }],
  ])("%s", (text, step) => {
    expect(stepOf(classify(text))).toEqual(step);
  });

  it("refuses what cannot be seen", () => {
    expect(stepOf(undefined)).toMatchObject({ kind: "refused" });
  });
});
