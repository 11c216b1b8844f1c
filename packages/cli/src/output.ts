import { columns, isColoured, paint } from "./terminal.ts";
import { wrap } from "./wrap.ts";

type Environment = Readonly<Record<string, string | undefined>>;

export function print(text: string): void {
  process.stdout.write(text);
}

export function printJson(told: object): void {
  print(`${JSON.stringify(told)}\n`);
}

/** A remark below what was asked, where there is one. */
export function printNote(note: string | undefined, environment: Environment): void {
  if (note === undefined) return;
  const rows = wrap(note, Math.min(columns(), 120)).join("\n");
  print(`\n${paint(isColoured(environment), "dim", rows)}\n`);
}
