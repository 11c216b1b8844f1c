import { parseArgs } from "node:util";
import {
  type Description,
  type Given,
  help,
  Mistake,
  type Options,
  type Values,
} from "./description.ts";

/**
 * Reads the arguments of a command by its description.
 *
 * @returns `"help"`: that was asked for
 * @throws Mistake
 */
export function parseOptions<O extends Options>(
  { options: own, operands: kind }: Description<O>,
  args: readonly string[],
): Given<O> | "help" {
  const options: Options = { ...own, help };
  const whole = withLeftOutValues(args, options);
  const [mine, program] = kind === "program" ? beforeProgram(whole, options) : [whole, undefined];
  const { values, positionals } = parsed(mine, options, kind !== "none" && kind !== "program");
  if (values["help"]) return "help";
  return { values: values as Values<O>, operands: program ?? positionals };
}

function parsed(
  args: string[],
  options: Options,
  allowPositionals: boolean,
): { values: Record<string, unknown>; positionals: string[] } {
  try {
    return parseArgs({ args, options, allowPositionals });
  } catch (error) {
    // parseArgs explains at length; the first sentence says it.
    const message = (error as Error).message.split(". ")[0] ?? "";
    throw new Mistake(message.endsWith(".") ? message : `${message}.`);
  }
}

/** Our own arguments, which end at `--` or at the first word, and those of the program. */
function beforeProgram(args: string[], options: Options): [own: string[], program: string[]] {
  const { tokens } = parseArgs({ args, options, strict: false, tokens: true });
  const end = tokens.find(({ kind }) => kind !== "option");
  if (end === undefined) return [args, []];
  const start = end.kind === "option-terminator" ? end.index + 1 : end.index;
  return [args.slice(0, end.index), args.slice(start)];
}

/** Some options may stand without their value, a number, which parseArgs does not know. */
function withLeftOutValues(args: readonly string[], options: Options): string[] {
  const end = args.indexOf("--");
  return args.map((arg, at) => {
    const option = arg.startsWith("--") ? options[arg.slice(2)] : undefined;
    if (option?.type !== "string" || option.withoutValue === undefined) return arg;
    const isAlone = (end < 0 || at < end) && !/^-?\d/.test(args[at + 1] ?? "");
    return isAlone ? `${arg}=${option.withoutValue}` : arg;
  });
}
