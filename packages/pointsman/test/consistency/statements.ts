import type { Sight } from "./history.ts";
import { entry } from "./key-logs.ts";

/** Where the history is made. A register's row exists from its first write on. */
export const schema = `
  create table registers (key text primary key, version int not null, value text not null);
  create table lists (key text, element int, primary key (key, element));
`;

export const setText = `
  insert into registers as r (key, version, value) values ($1, 1, $2)
  on conflict (key) do update set version = r.version + 1, value = excluded.value
  returning version`;

export const appendText = "insert into lists (key, element) values ($1, $2)";

const here = "current_setting('cluster_name') as server";

/** A list row by row. There is one row without an element, so that there is always one. */
export const cursorText = `
  select ${here}, null as element
  union all
  select ${here}, element from lists where key = $1`;

const isRegister = (key: string): boolean => key.startsWith("r");

const lookTexts = new Map<string, string>();

/** Reads these keys in one statement, which is one snapshot; the keys are its values. */
export function lookText(keys: readonly string[]): string {
  const shape = keys.map((key) => (isRegister(key) ? "r" : "l")).join("");
  return entry(lookTexts, shape, () => {
    const columns = keys.map((key, index) =>
      isRegister(key)
        ? `(select version from registers where key = $${index + 1}) as k${index}`
        : `array(select element from lists where key = $${index + 1}) as k${index}`,
    );
    return `select ${[here, ...columns].join(", ")}`;
  });
}

/** A row of such a read. */
export type LookRow = { readonly server: string } & Readonly<
  Record<`k${number}`, number | null | readonly number[]>
>;

export function sightsOf(keys: readonly string[], row: LookRow): Sight[] {
  return keys.map((key, index): Sight => {
    const value = row[`k${index}`];
    return Array.isArray(value)
      ? { kind: "elements", key, elements: value as readonly number[] }
      : { kind: "version", key, version: (value ?? 0) as number };
  });
}
