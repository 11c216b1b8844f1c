import { type Description, help, type Option, type Options } from "../command-line/description.ts";

/** What the program is called, by which shells find its script. */
export const program = "pointsman";

/** All that completion has to know. */
export interface Known {
  readonly commands: readonly Description[];
  /** What stands in the place of a command. */
  readonly own: Options;
}

/** An option as it is typed, `--help` and `-h`. */
export interface Typed {
  readonly long: string;
  readonly short: string | undefined;
  readonly option: Option;
}

/** The options of a command, the help included. */
export function typedOptions(options: Options): Typed[] {
  return Object.entries({ ...options, help: options["help"] ?? help }).map(([name, option]) => ({
    long: `--${name}`,
    short: option.short && `-${option.short}`,
    option,
  }));
}

/** Whether a word must follow: an option whose value may be left out is followed by none. */
export function takesNextWord(option: Option): boolean {
  return option.type === "string" && option.withoutValue === undefined;
}

/** A text as one word of bash, zsh and fish. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** What is said of an option in a list. */
export function shortlyOf({ says }: Option): string {
  return says.split(/ \(|[:;]/)[0] as string;
}
