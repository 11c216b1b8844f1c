import { asType, type Fields, fieldsOf, type Node, typeOf } from "./parse-tree.ts";
import { parse } from "./parser.ts";

/** What a text of nothing but SET, RESET and DISCARD ALL does to the settings of its session. */
export interface SettingsChange {
  readonly text: string;
  /** The settings that it changes, in lower case. */
  readonly names: readonly string[];
  /**
   * - `sets`: it gives some of them a value
   * - `resets`: it only brings them back to what they were at the start of the session
   * - `resets-all`: RESET ALL, which leaves the role
   * - `discards`: DISCARD ALL
   */
  readonly kind: "sets" | "resets" | "resets-all" | "discards";
}

const ofRole: readonly string[] = ["role", "session_authorization"];

/**
 * Reads a text of settings.
 *
 * @returns `undefined` for a text that does anything besides, or that says how transactions to come
 * are opened: what is routed depends on that
 */
export function settingsIn(sql: string): SettingsChange | undefined {
  const tree = parse(sql);
  if (typeof tree === "string") return undefined;
  const nodes = (tree.stmts ?? []).flatMap(({ stmt }) => (stmt === undefined ? [] : [stmt]));
  const only = nodes.length === 1 ? nodes[0] : undefined;
  if (only !== undefined && typeOf(only) === "DiscardStmt") {
    const isAll = fieldsOf(only).target === "DISCARD_ALL";
    return isAll ? { text: sql, names: [], kind: "discards" } : undefined;
  }
  if (only !== undefined && settingOf(only)?.kind === "VAR_RESET_ALL") {
    return { text: sql, names: [], kind: "resets-all" };
  }
  const names = new Set<string>();
  let kind: SettingsChange["kind"] = "resets";
  for (const node of nodes) {
    const setting = settingOf(node);
    const named = setting && namesOf(setting);
    if (setting === undefined || named === undefined) return undefined;
    for (const name of named) names.add(name);
    if (setting.kind !== "VAR_RESET") kind = "sets";
  }
  return names.size === 0 ? undefined : { text: sql, names: [...names], kind };
}

function settingOf(node: Node): Fields | undefined {
  return asType<Fields>(node, "VariableSetStmt");
}

function namesOf({ kind = "", name = "", is_local }: Fields): readonly string[] | undefined {
  const isPlain = ["VAR_SET_VALUE", "VAR_SET_DEFAULT", "VAR_RESET"].includes(kind);
  const lower = name.toLowerCase();
  if (!isPlain || is_local === true || /^(default_)?transaction_/.test(lower)) return undefined;
  // It takes the role with it.
  return lower === "session_authorization" ? ofRole : [lower];
}

/** How many texts it may take to bring a session to its settings. */
const mostTexts = 8;

/**
 * The texts that bring a new session to where one is after a change: those before it that still
 * matter, in their order, and its own.
 *
 * @returns `undefined` where there would be too many
 */
export function settingsAfter(
  before: readonly SettingsChange[],
  change: SettingsChange,
): readonly SettingsChange[] | undefined {
  if (change.kind === "discards") return [];
  const isGone = ({ names }: SettingsChange): boolean =>
    change.kind === "resets-all"
      ? !names.some((name) => ofRole.includes(name))
      : names.every((name) => change.names.includes(name));
  const left = before.filter((one) => !isGone(one));
  const matters =
    change.kind === "sets" ||
    left.some(({ names }) =>
      names.some((name) =>
        change.kind === "resets-all" ? !ofRole.includes(name) : change.names.includes(name),
      ),
    );
  const after = matters ? [...left, change] : left;
  return after.length > mostTexts ? undefined : after;
}
