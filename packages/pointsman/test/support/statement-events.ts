import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { StatementEvent } from "pointsman";
import { onTestFinished } from "vitest";

/** The events of the statements with a mark, in the order of their answers. */
export function eventsOf(mark: string): StatementEvent[] {
  const seen: StatementEvent[] = [];
  const note = (message: unknown): void => {
    const event = message as StatementEvent;
    if (event.text.includes(mark)) seen.push(event);
  };
  subscribe("pointsman:statement:end", note);
  onTestFinished(() => {
    unsubscribe("pointsman:statement:end", note);
  });
  return seen;
}
