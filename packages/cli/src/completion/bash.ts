import type { Description } from "../command-line/description.ts";
import { type Known, program, quote, takesNextWord, typedOptions } from "./words.ts";

/** For bash 3.2 and newer, without the package bash-completion. */
export function bashScript({ commands, own }: Known): string {
  const names = commands.map(({ name }) => name);
  const first = [...names, ...wordsOf(own)];
  return `# Completes ${program} in bash: source <(${program} completion bash)
_${program}() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD - 1]}"
  local IFS=$'\\n'
  COMPREPLY=()
  # --option=value is three words to bash.
  if [[ $cur == "=" ]]; then
    cur=""
  elif [[ $prev == "=" ]]; then
    prev="\${COMP_WORDS[COMP_CWORD - 2]}"
  fi
  if ((COMP_CWORD == 1)); then
    _${program}_words "$cur" ${first.map(quote).join(" ")}
    return
  fi
  case "\${COMP_WORDS[1]}" in
${commands.map(caseOf).join("\n")}
  esac
}

_${program}_words() {
  local cur="$1"
  shift
  COMPREPLY=($(compgen -W "$*" -- "$cur"))
}

_${program}_files() {
  compopt -o filenames 2>/dev/null
  COMPREPLY=($(compgen -f -- "$1"))
}

# Completes another program behind the options of which those given take a value: 0 when it stands there.
_${program}_program() {
  local valued=" $* " at
  for ((at = 2; at < COMP_CWORD; at++)); do
    case "\${COMP_WORDS[at]}" in
      --) ((at++)) ;;
      -*)
        if [[ \${COMP_WORDS[at + 1]} == "=" ]]; then
          ((at += 2))
        elif [[ $valued == *" \${COMP_WORDS[at]} "* ]]; then
          ((at++))
        fi
        continue
        ;;
    esac
    break
  done
  if ((at == COMP_CWORD)) && [[ $cur != -* || \${COMP_WORDS[at - 1]} == -- ]]; then
    COMPREPLY=($(compgen -c -- "$cur"))
  elif ((at < COMP_CWORD)); then
    _${program}_files "$cur"
  else
    return 1
  fi
  return 0
}

complete -F _${program} ${program}
`;
}

function caseOf({ name, options, operands }: Description): string {
  const valued = typedOptions(options).filter(({ option }) => takesNextWord(option));
  const values = typedOptions(options).flatMap(({ long, short, option }) => {
    if (
      option.type !== "string" ||
      (option.withoutValue !== undefined && option.completes === "nothing")
    ) {
      return [];
    }
    const patterns = short === undefined ? long : `${long} | ${short}`;
    return [`        ${patterns}) ${completionOf(option.completes)}; return ;;`];
  });
  const words = [...wordsOf(options), ...(Array.isArray(operands) ? operands : [])];
  return [
    `    ${name})`,
    ...(values.length === 0 ? [] : ['      case "$prev" in', ...values, "      esac"]),
    ...(operands === "program"
      ? [`      _${program}_program ${valued.map(({ long }) => long).join(" ")} && return`]
      : []),
    ...(operands === "file"
      ? [`      case "$cur" in -*) ;; *) _${program}_files "$cur"; return ;; esac`]
      : []),
    `      _${program}_words "$cur" ${words.map(quote).join(" ")}`,
    "      ;;",
  ].join("\n");
}

function completionOf(completes: "files" | "nothing" | readonly string[]): string {
  if (completes === "nothing") return ":";
  if (completes === "files") return `_${program}_files "$cur"`;
  return `_${program}_words "$cur" ${completes.map(quote).join(" ")}`;
}

function wordsOf(options: Known["own"]): string[] {
  return typedOptions(options).flatMap(({ long, short }) => (short ? [long, short] : [long]));
}
