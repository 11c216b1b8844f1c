import { isIsolationLevel } from "./isolation-levels.ts";
import type { Judge, Judgement } from "./judgement.ts";
import { asType, type Constant, type Fields } from "./parse-tree.ts";
import { QueryWalk } from "./query-walk.ts";
import { isServerBoundSetting } from "./server-bound-names.ts";
import { opensOnReader, transactionControl, transactionSettings } from "./transaction-control.ts";
import type { SessionState, TransactionControl } from "./types.ts";

const holdOption = 0x20;

/** A statement that changes or uses the state of its connection. */
export function onSession(command: string, ...session: SessionState[]): Judge {
  return () => ({ command, effect: "session", verdict: "session-state", session });
}

/** LISTEN, UNLISTEN. */
export function listens(command: string): Judge {
  return () => ({ command, effect: "session", verdict: "notification", session: ["listening"] });
}

/** BEGIN, COMMIT, SAVEPOINT and kin. */
export const judgeTransaction: Judge = (fields) => {
  const transaction = transactionControl(fields);
  const command = transactionCommand(fields);
  if (transaction.kind !== "begin") {
    return { command, effect: "transaction", verdict: "transaction-control", transaction };
  }
  const verdict = opensOnReader(fields) ? "read-only-transaction" : "transaction-start";
  return { command, effect: "transaction", verdict, transaction };
};

function transactionCommand({ kind = "" }: Fields): string {
  if (kind === "TRANS_STMT_START") return "START TRANSACTION";
  if (kind === "TRANS_STMT_PREPARE") return "PREPARE TRANSACTION";
  return kind.replace("TRANS_STMT_", "").replaceAll("_", " ");
}

/** SET and RESET, in all their forms. */
export const judgeSet: Judge = (fields) => {
  const { kind = "", name = "", args, is_local: local = false } = fields;
  if (kind === "VAR_SET_MULTI") {
    if (name === "SESSION CHARACTERISTICS") {
      const transaction = transactionSettings("set-default", args);
      const session: SessionState[] = ["setting"];
      return { ...set("SET SESSION CHARACTERISTICS", session), transaction };
    }
    return onTransaction("SET TRANSACTION", fields);
  }
  const verb = kind.startsWith("VAR_RESET") ? "RESET" : "SET";
  // These hold for the open transaction only, SET LOCAL or not.
  if (/^transaction_(isolation|read_only|deferrable)$/i.test(name)) {
    return onTransaction(verb, fields);
  }
  const ofTransactions = /^default_transaction_(read_only|isolation)$/i.exec(name)?.[1];
  if (ofTransactions !== undefined) {
    const settings = settingOf(ofTransactions.toLowerCase(), fields);
    const transaction = { kind: "set-default", ...settings } as const;
    return { ...set(verb, local ? [] : ["setting"]), transaction };
  }
  const ofRole = /^(role|session_authorization)$/i.test(name);
  return set(verb, local ? [] : [ofRole ? "role" : "setting"]);
};

function set(command: string, session: readonly SessionState[]): Judgement {
  return { command, effect: "session", verdict: "session-state", session };
}

function onTransaction(command: string, fields: Fields): Judgement {
  const plain = /^transaction_(read_only|isolation)$/i.exec(fields.name ?? "")?.[1]?.toLowerCase();
  const transaction =
    plain === undefined
      ? transactionSettings("set", fields.args)
      : ({ kind: "set", ...settingOf(plain, fields), ...byDefault(plain, fields) } as const);
  return { command, effect: "transaction", verdict: "transaction-control", transaction };
}

/** The default of `transaction_read_only` is off, whatever that of the session is. */
function byDefault(name: string, { kind }: Fields): Pick<TransactionControl, "readOnly"> {
  return name === "read_only" && kind !== "VAR_SET_VALUE" ? { readOnly: false } : {};
}

/** What SET says of transactions by one of the plain settings. */
function settingOf(
  name: string,
  fields: Fields,
): Pick<TransactionControl, "readOnly" | "isolation"> {
  if (name === "read_only") return { readOnly: isOnSetting(fields) };
  const level = asType<Constant>(fields.args?.[0], "A_Const")?.sval?.sval?.toLowerCase();
  return isIsolationLevel(level) ? { isolation: level } : {};
}

/** Whether SET gives a setting a value that says yes; RESET and DEFAULT give what was before. */
function isOnSetting({ kind, args }: Fields): boolean {
  if (kind !== "VAR_SET_VALUE") return true;
  const value = asType<Constant>(args?.[0], "A_Const");
  const text = value?.sval?.sval ?? String(value?.boolval?.boolval ?? value?.ival?.ival ?? 0);
  return /^(on|true|yes|1|t|y|tr|tru|ye)$/i.test(text);
}

/** SET CONSTRAINTS. */
export const judgeSetConstraints: Judge = () => ({
  command: "SET CONSTRAINTS",
  effect: "transaction",
  verdict: "transaction-control",
  transaction: { kind: "set" },
});

/** SHOW: a setting reads the same everywhere, unless it tells the role of its server. */
export const judgeShow: Judge = ({ name = "" }) => ({
  command: "SHOW",
  effect: "read",
  verdict: isServerBoundSetting(name) ? "server-bound" : "plain-read",
});

/**
 * DECLARE CURSOR. The cursor lives on its connection: to the end of the transaction, or WITH HOLD to
 * the end of the session. Its query is judged too, for it runs as rows are fetched.
 */
export const judgeDeclareCursor: Judge = ({ options, query }, walk) => {
  walk.visit(query);
  const judged = walk.findings.judgeQuery();
  const held = typeof options === "number" && (options & holdOption) !== 0;
  const session: SessionState[] = held ? ["cursor"] : [];
  const command = "DECLARE CURSOR";
  if (judged.effect === "write") return { command, ...judged, session };
  return { command, effect: "session", verdict: "session-state", session };
};

/**
 * PREPARE: what it prepares is not run yet, but its functions are named, and what a reader would
 * accept and should not is known before it is hidden behind a name.
 */
export const judgePrepare: Judge = ({ query }, walk) => {
  const prepared = new QueryWalk();
  prepared.visit(query);
  walk.findings.meaninglessOnReader = prepared.findings.meaninglessOnReader;
  for (const { schema, name } of prepared.findings.reads) walk.findings.read(schema, name);
  for (const { schema, name } of prepared.findings.writes) walk.findings.read(schema, name);
  return set("PREPARE", ["prepared"]);
};

/** EXECUTE: nobody can tell by the name what it runs. */
export const judgeExecute: Judge = (_fields, walk) => {
  walk.visit(_fields);
  return { command: "EXECUTE", effect: "write", verdict: "session-state", once: true };
};
