import { Mistake, readable } from "../command-line/description.ts";
import { exitStatuses } from "../exit-status.ts";

export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

export interface CompletionCommand {
  readonly kind: "completion";
  readonly shell: Shell;
}

export const completionArguments = readable(
  {
    name: "completion",
    inShort: "print a script for a shell",
    summary: "print the script by which bash, zsh or fish complete these commands",
    usage: ["bash|zsh|fish"],
    about: [
      "Prints a script by which a shell completes the commands of pointsman, their options and the values of these. It is for the name pointsman: where that is not on the PATH (npx pointsman), install @pointsman/cli globally, or add node_modules/.bin to the PATH.",
    ],
    operands: shells,
    options: {},
    environment: [],
    lists: {
      "To install it": [
        ["bash", "in ~/.bashrc: source <(pointsman completion bash)"],
        ["", 'bash 3.2 of macOS: eval "$(pointsman completion bash)"'],
        ["zsh", "in ~/.zshrc, behind compinit: source <(pointsman completion zsh)"],
        ["fish", "pointsman completion fish > ~/.config/fish/completions/pointsman.fish"],
      ],
    },
    exitStatuses: exitStatuses.completion,
    examples: ["pointsman completion bash"],
  },
  ({ operands }): CompletionCommand => {
    const [given, ...rest] = operands;
    const shell = shells.find((one) => one === given);
    if (shell === undefined || rest.length > 0) {
      throw new Mistake("It takes the name of one shell: bash, zsh or fish.");
    }
    return { kind: "completion", shell };
  },
);
