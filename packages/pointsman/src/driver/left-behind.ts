import { isOpaque } from "../statements/opaque.ts";
import { type SettingsChange, settingsIn } from "../statements/session-settings.ts";
import { mayLeaveState } from "../statements/session-state.ts";
import type { SessionState } from "../statements/types.ts";
import type { DriverStatement } from "./statement.ts";

const ofSettings: readonly SessionState[] = ["setting", "role", "discard"];

/** Commands that leave nothing on their connection, whatever their text is. */
const harmless: ReadonlySet<unknown> = new Set(["INSERT", "UPDATE", "DELETE", "MERGE"]);

/**
 * What a statement that was answered has left on its connection: nothing, something that lives there
 * alone, or settings that other connections can be given too.
 */
export function leftBehind(
  { facts, text }: DriverStatement,
  error: Error | null | undefined,
  result: unknown,
): "nothing" | "something" | SettingsChange {
  if (!mayLeaveState(facts)) return "nothing";
  if (isOpaque(facts)) {
    // Nobody has looked into the text, but the server has told what it was.
    const results: readonly unknown[] = Array.isArray(result) ? result : [result];
    const commands = results.map((one) => (one as { command?: unknown } | undefined)?.command);
    const isKnown = !error && commands.every((command) => harmless.has(command));
    return isKnown ? "nothing" : "something";
  }
  const { statements, session } = facts;
  const isOfSettings = session.length > 0 && session.every((state) => ofSettings.includes(state));
  // One that failed has left nothing, unless it runs others.
  if (error && statements.length === 1 && session.length > 0) return "nothing";
  if (!error && isOfSettings && text !== undefined) {
    const change = settingsIn(text);
    if (change !== undefined) return change;
  }
  return session.every((state) => state === "discard") && session.length > 0
    ? "nothing"
    : "something";
}
