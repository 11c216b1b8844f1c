import { descriptions, ownOptions } from "../cli-arguments.ts";
import { bashScript } from "./bash.ts";
import type { CompletionCommand, Shell } from "./completion-arguments.ts";
import { fishScript } from "./fish.ts";
import type { Known } from "./words.ts";
import { zshScript } from "./zsh.ts";

const scripts: Readonly<Record<Shell, (known: Known) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

/**
 * Prints the script of a shell.
 *
 * @returns the exit status
 */
export function completion({ shell }: CompletionCommand): number {
  process.stdout.write(scripts[shell]({ commands: descriptions, own: ownOptions }));
  return 0;
}
