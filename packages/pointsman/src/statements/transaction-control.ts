import {
  asType,
  type Constant,
  type DefElem,
  defElems,
  type Fields,
  type Node,
  optionsOf,
} from "./parse-tree.ts";
import type { IsolationLevel, TransactionControl } from "./types.ts";

const kinds: Record<string, TransactionControl["kind"]> = {
  TRANS_STMT_BEGIN: "begin",
  TRANS_STMT_START: "begin",
  TRANS_STMT_COMMIT: "commit",
  TRANS_STMT_ROLLBACK: "rollback",
  TRANS_STMT_SAVEPOINT: "savepoint",
  TRANS_STMT_RELEASE: "release",
  TRANS_STMT_ROLLBACK_TO: "rollback-to",
  TRANS_STMT_PREPARE: "prepare",
  TRANS_STMT_COMMIT_PREPARED: "commit-prepared",
  TRANS_STMT_ROLLBACK_PREPARED: "rollback-prepared",
};

/** What a TransactionStmt does. Where it says an option twice, PostgreSQL takes the last. */
export function transactionControl(fields: Fields): TransactionControl {
  return {
    kind: kinds[fields.kind ?? ""] ?? "begin",
    ...modes(optionsOf(fields)),
    ...(fields.chain === true ? { chain: true } : {}),
  };
}

/** What SET TRANSACTION or SET SESSION CHARACTERISTICS says of transactions. */
export function transactionSettings(
  kind: "set" | "set-default",
  args: readonly Node[] | undefined,
): TransactionControl {
  return { kind, ...modes(defElems(args)) };
}

/**
 * Whether a BEGIN opens a transaction that a reader can run: READ ONLY, and neither SERIALIZABLE
 * nor DEFERRABLE, which a hot standby refuses or waits with. Where the text says an option twice,
 * every mention counts: a standby already refuses the one that is overridden.
 */
export function opensOnReader(fields: Fields): boolean {
  const options = optionsOf(fields);
  const readOnly = options.filter(({ defname }) => defname === "transaction_read_only");
  return (
    readOnly.length > 0 &&
    readOnly.every(isOn) &&
    !options.some((option) => option.defname === "transaction_deferrable" && isOn(option)) &&
    !options.some((option) => isolation(option) === "serializable")
  );
}

function modes(options: readonly DefElem[]): Omit<TransactionControl, "kind"> {
  const found: { -readonly [K in keyof TransactionControl]?: TransactionControl[K] } = {};
  for (const option of options) {
    if (option.defname === "transaction_read_only") found.readOnly = isOn(option);
    if (option.defname === "transaction_deferrable") found.deferrable = isOn(option);
    const level = isolation(option);
    if (level !== undefined) found.isolation = level;
  }
  return found;
}

function isolation({ defname, arg }: DefElem): IsolationLevel | undefined {
  if (defname !== "transaction_isolation") return undefined;
  return asType<Constant>(arg, "A_Const")?.sval?.sval as IsolationLevel | undefined;
}

function isOn({ arg }: DefElem): boolean {
  return asType<Constant>(arg, "A_Const")?.ival?.ival === 1;
}
