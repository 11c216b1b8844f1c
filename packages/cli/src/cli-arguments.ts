import { type CheckCommand, checkArguments } from "./check/check-arguments.ts";
import {
  type Description,
  help,
  Mistake,
  type Options,
  type Readable,
} from "./command-line/description.ts";
import { helpOf, overviewOf } from "./command-line/help.ts";
import { parseOptions } from "./command-line/parse-options.ts";
import { type CompletionCommand, completionArguments } from "./completion/completion-arguments.ts";
import { type DoctorCommand, doctorArguments } from "./doctor/doctor-arguments.ts";
import { type ExecCommand, execArguments } from "./exec/exec-arguments.ts";
import { type ExplainCommand, explainArguments } from "./explain/explain-arguments.ts";
import { type TopCommand, topArguments } from "./top/top-arguments.ts";

/** What the command line asks for. */
export type Command =
  | { readonly kind: "help"; readonly text: string }
  | { readonly kind: "version" }
  | { readonly kind: "mistake"; readonly message: string }
  | ExecCommand
  | DoctorCommand
  | ExplainCommand
  | CheckCommand
  | TopCommand
  | CompletionCommand;

/** A command with its options forgotten, to stand in a list with others. */
interface Listed {
  readonly description: Description;
  /** @throws Mistake */
  readonly parse: (args: readonly string[]) => Command;
}

/** All commands, as the help lists them. */
const commands: readonly Listed[] = [
  listed(execArguments),
  listed(doctorArguments),
  listed(explainArguments),
  listed(checkArguments),
  listed(topArguments),
  listed(completionArguments),
];

/** What is known of all commands. */
export const descriptions: readonly Description[] = commands.map(({ description }) => description);

/** What stands in the place of a command. */
export const ownOptions = {
  help: { ...help, says: "print this; pointsman <command> --help tells more" },
  version: { type: "boolean", says: "print the version" },
} as const satisfies Options;

function listed<O extends Options, C extends Command>({
  description,
  read,
}: Readable<O, C>): Listed {
  return {
    description,
    parse: (args) => {
      const given = parseOptions(description, args);
      return given === "help" ? { kind: "help", text: helpOf(description) } : read(given);
    },
  };
}

/**
 * Reads the command line. It never throws: what is wrong with it comes back as one sentence.
 *
 * @param args without the program: `process.argv.slice(2)`
 */
export function parseCommand(args: readonly string[]): Command {
  const [first, ...rest] = args;
  switch (first) {
    case "--version":
      return { kind: "version" };
    case "--help":
    case "-h":
    case "help":
      return { kind: "help", text: overviewOf(descriptions, ownOptions) };
    case undefined:
      return mistake("There is no command.");
  }
  const command = commands.find(({ description }) => description.name === first);
  if (command === undefined) return mistake(`There is no command ${JSON.stringify(first)}.`);
  try {
    return command.parse(rest);
  } catch (error) {
    if (!(error instanceof Mistake)) throw error;
    return mistake(error.message, first);
  }
}

function mistake(message: string, command?: string): Command {
  const program = command === undefined ? "pointsman" : `pointsman ${command}`;
  return { kind: "mistake", message: `${message} See ${program} --help.` };
}
