import { setTimeout as sleep } from "node:timers/promises";
import { complain } from "../complain.ts";
import { EXIT_FAILED, EXIT_USAGE } from "../exit-status.ts";
import { columns, isColoured } from "../terminal.ts";
import { History } from "./history.ts";
import { screenOf } from "./layout.ts";
import { painted } from "./line.ts";
import { LiveView } from "./live-view.ts";
import { openSource } from "./open-source.ts";
import { type Source, SourceError } from "./reading.ts";
import type { TopCommand } from "./top-arguments.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Shows what an application does, until somebody has seen enough. @returns the exit status */
export async function top(command: TopCommand, environment: Environment): Promise<number> {
  const { intervalMillis, once, json, noColor } = command;
  const source = openSource(command.source, intervalMillis, environment);
  if (typeof source === "string") return complain(source, EXIT_USAGE);
  try {
    const history = new History();
    history.add(await source.read());
    if (once || json || process.stdout.isTTY !== true) {
      return await showOnce(source, history, command);
    }
    const coloured = !noColor && isColoured(environment);
    return await new LiveView({ source, history, intervalMillis, coloured }).run();
  } catch (error) {
    if (error instanceof SourceError) return complain(error.message, EXIT_FAILED);
    throw error;
  }
}

/** Looks twice, since rates need that. */
async function showOnce(
  source: Source,
  history: History,
  { intervalMillis, json }: TopCommand,
): Promise<number> {
  await sleep(intervalMillis);
  history.add(await source.read());
  const figures = history.figures();
  if (figures === undefined) return EXIT_FAILED;
  const { gone } = history;
  if (json) {
    process.stdout.write(`${JSON.stringify({ source: source.name, gone, ...figures })}\n`);
    return 0;
  }
  const size = { width: columns(), height: Number.POSITIVE_INFINITY };
  const lines = screenOf(figures, { source: source.name, gone }, size);
  process.stdout.write(lines.map((line) => `${painted(line, false)}\n`).join(""));
  return 0;
}
