import type { Description, Options } from "../command-line/description.ts";
import { type Known, program, quote, shortlyOf, takesNextWord, typedOptions } from "./words.ts";

/** For fish 3 and newer. */
export function fishScript({ commands, own }: Known): string {
  const lines = [
    `# Completes ${program} in fish: ${program} completion fish > ~/.config/fish/completions/${program}.fish`,
    `complete -c ${program} -f`,
    ...optionLines("__fish_use_subcommand", own),
    ...commands.flatMap(linesOf),
  ];
  return `${lines.join("\n")}\n`;
}

function linesOf(command: Description): string[] {
  const { name, options, operands } = command;
  const isHere = `__fish_seen_subcommand_from ${name}`;
  const offered = offer("__fish_use_subcommand", `-a ${name} -d ${quote(command.inShort)}`);
  // Behind the dash stand options that take a value: without it fish takes these for its own.
  const program =
    operands === "program"
      ? [
          offer(
            isHere,
            `-a '(__fish_complete_subcommand --fcs-skip=2 - ${typedOptions(options)
              .filter(({ option }) => takesNextWord(option))
              .map(({ long }) => long)
              .join(" ")})'`,
          ),
        ]
      : [];
  const words = Array.isArray(operands)
    ? [
        offer(
          `${isHere}; and not __fish_seen_subcommand_from ${operands.join(" ")}`,
          `-a ${quote(operands.join(" "))}`,
        ),
      ]
    : [];
  const files = operands === "file" ? [offer(isHere, "-F")] : [];
  return [offered, ...optionLines(isHere, options), ...program, ...words, ...files];
}

function optionLines(condition: string, options: Options): string[] {
  return typedOptions(options).map(({ long, short, option }) => {
    const names = `-l ${long.slice(2)}${short === undefined ? "" : ` -s ${short.slice(1)}`}`;
    const value =
      option.type === "boolean" ||
      (option.withoutValue !== undefined && option.completes === "nothing")
        ? ""
        : ` ${completionOf(option.completes)}`;
    return offer(condition, `${names}${value} -d ${quote(shortlyOf(option))}`);
  });
}

function completionOf(completes: "files" | "nothing" | readonly string[]): string {
  if (completes === "files") return "-r -F";
  return completes === "nothing" ? "-x" : `-x -a ${quote(completes.join(" "))}`;
}

function offer(condition: string, what: string): string {
  return `complete -c ${program} -n ${quote(condition)} ${what}`;
}
