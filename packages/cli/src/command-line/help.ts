import { wrap } from "../wrap.ts";
import { type Description, help, type Option, type Row } from "./description.ts";

/** What fits into any terminal. */
const width = 80;
/** A term that is longer stands on a line of its own. */
const widestTerm = 20;

/** The help of a command, from its description. */
export function helpOf(description: Description): string {
  const {
    name,
    usage,
    about,
    options,
    environment,
    lists = {},
    exitStatuses,
    examples,
  } = description;
  const optionRows = Object.entries({ ...options, help }).map(
    ([long, option]): Row => [termOf(long, option), option.says],
  );
  const calls = usage.map(
    (way, at) => `${at === 0 ? "Usage:" : "      "} pointsman ${name} ${way}`,
  );
  return `${[
    calls.join("\n"),
    ...about.map((paragraph) => wrap(paragraph, width).join("\n")),
    listOf("Options", optionRows),
    ...(environment.length > 0 ? [listOf("Environment", environment)] : []),
    ...Object.entries(lists).map(([title, rows]) => listOf(title, rows)),
    listOf("Exit status", statusRows(exitStatuses)),
    ["Examples:", ...examples.map((example) => `  ${example}`)].join("\n"),
  ].join("\n\n")}\n`;
}

/** The help of the program: its commands, and what holds for all of them. */
export function overviewOf(
  commands: readonly Description[],
  options: Readonly<Record<string, Option>>,
): string {
  const rows = commands.map(({ name, summary }): Row => [name, summary]);
  const own = Object.entries(options).map(
    ([long, option]): Row => [termOf(long, option), option.says],
  );
  return `${[
    "Usage: pointsman <command> [options]",
    listOf("Commands", rows),
    listOf("Options", own),
    wrap(
      "What asks the database finds it as the application does: by DATABASE_URL, DATABASE_READER_URL, DATABASE_AUTH.",
      width,
    ).join("\n"),
  ].join("\n\n")}\n`;
}

/** Numbers first, as an object has them, and what is written otherwise behind them. */
function statusRows(statuses: Readonly<Record<string, string>>): Row[] {
  return Object.entries(statuses).map(([status, meaning]) => [
    status,
    meaning[0]?.toLowerCase() + meaning.slice(1).replace(/\.$/, ""),
  ]);
}

function termOf(long: string, option: Option): string {
  const name = option.short === undefined ? `--${long}` : `--${long}, -${option.short}`;
  if (option.type === "boolean") return name;
  return option.withoutValue === undefined
    ? `${name} ${option.value}`
    : `${name} [${option.value}]`;
}

function listOf(title: string, rows: readonly Row[]): string {
  const terms = rows.map(([term]) => term.length).filter((length) => length <= widestTerm);
  const column = Math.max(0, ...terms) + 2;
  const lines = rows.flatMap(([term, meaning]) => {
    const [first = "", ...rest] = wrap(meaning, width - 2 - column);
    const indented = (text: string): string => " ".repeat(2 + column) + text;
    const begins =
      term.length <= widestTerm
        ? [`  ${term.padEnd(column)}${first}`]
        : [`  ${term}`, indented(first)];
    return [...begins, ...rest.map(indented)];
  });
  return [`${title}:`, ...lines].join("\n");
}
