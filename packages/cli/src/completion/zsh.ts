import type { Description, Operands, Options } from "../command-line/description.ts";
import { type Known, program, quote, shortlyOf, typedOptions } from "./words.ts";

/** For zsh 5 and newer, with its own completion (compinit). */
export function zshScript({ commands, own }: Known): string {
  return `#compdef ${program}
# Completes ${program} in zsh, behind compinit: source <(${program} completion zsh)
_${program}() {
  local curcontext="$curcontext" state line
  typeset -A opt_args
  _arguments -C \\
${specsOf(own, "(- *)").map(continued).join("")}    '1: :->command' \\
    '*:: :->arguments'
  case $state in
    command)
      local -a commands
      commands=(
${commands.map((one) => `        ${quote(`${one.name}:${one.inShort}`)}`).join("\n")}
      )
      _describe command commands
      ;;
    arguments)
      case $words[1] in
${commands.map(caseOf).join("\n")}
      esac
      ;;
  esac
}

# Loaded as a function of zsh's own, or read as a script.
if [[ $funcstack[1] == _${program} ]]; then
  _${program} "$@"
else
  compdef _${program} ${program}
fi
`;
}

function caseOf({ name, options, operands }: Description): string {
  const specs = [...specsOf(options, ""), ...operandSpecs(operands)];
  const flags = operands === "program" ? "-s -S -A '-*'" : "-s -S";
  const lines = specs.map((spec) => `            ${spec}`).join(" \\\n");
  return `        ${name})\n          _arguments ${flags} \\\n${lines}\n          ;;`;
}

function specsOf(options: Options, excludes: string): string[] {
  return typedOptions(options).flatMap(({ long, short, option }) => {
    const says = `[${shortlyOf(option).replaceAll(/[[\]\\:]/g, "\\$&")}]`;
    if (option.type === "boolean") {
      return [long, ...(short ? [short] : [])].map((typed) => quote(`${excludes}${typed}${says}`));
    }
    const action = actionOf(option.completes);
    const [assigns, message] = option.withoutValue === undefined ? ["=", ":"] : ["=-", "::"];
    const repeats = option.multiple === true ? "*" : excludes;
    return [quote(`${repeats}${long}${assigns}${says}${message}${option.value}:${action}`)];
  });
}

function actionOf(completes: "files" | "nothing" | readonly string[]): string {
  if (completes === "files") return "_files";
  return completes === "nothing" ? " " : `(${completes.join(" ")})`;
}

function operandSpecs(operands: Operands): string[] {
  switch (operands) {
    case "none":
      return [];
    case "text":
      return [quote("1:SQL: ")];
    case "file":
      return [quote("1:file:_files")];
    case "program":
      return [quote("(-):program: _command_names -e"), quote("*::arguments: _normal")];
    default:
      return [quote(`1: :(${operands.join(" ")})`)];
  }
}

function continued(spec: string): string {
  return `    ${spec} \\\n`;
}
