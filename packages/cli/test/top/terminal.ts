import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { packageFolder } from "../helpers.ts";

/** Why there is no terminal to look into; `undefined`: there is one. */
export const noTerminal: string | undefined =
  spawnSync("tmux", ["-V"]).status === 0 ? undefined : "tmux is not installed";

let count = 0;

/** A terminal with a shell in it, which is closed when the test is over. */
export class Terminal {
  readonly #name = `pointsman-${process.pid}-${++count}`;

  constructor(width: number, height: number, environment: Readonly<Record<string, string>> = {}) {
    const { PATH = "", HOME = "/" } = process.env;
    // A server of its own, that has nothing of this process's environment.
    const shell = Object.entries({ PATH, HOME, PS1: "ready> ", LC_ALL: "C.UTF-8", ...environment })
      .map(([name, value]) => `${name}='${value}'`)
      .join(" ");
    const size = ["-x", String(width), "-y", String(height)];
    this.#tmux("-f", "/dev/null", "new-session", "-d", ...size, `env -i TERM=screen ${shell} sh`);
    onTestFinished(() => {
      this.#tmux("kill-server");
    });
  }

  #tmux(...args: readonly string[]): string {
    // -u: UTF-8, whatever the environment of the tests says.
    const { stdout, stderr, status } = spawnSync("tmux", ["-u", "-L", this.#name, ...args], {
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(`tmux ${args[0]}: ${stderr}`);
    return stdout;
  }

  /** What is on it, in lines without blanks at their ends. */
  rows(): string[] {
    const text = this.#tmux("capture-pane", "-p").replace(/\n$/, "");
    return text.split("\n").map((row) => row.trimEnd());
  }

  /** The same with what gives it colour. */
  coloured(): string {
    return this.#tmux("capture-pane", "-p", "-e");
  }

  text(): string {
    return this.rows().join("\n");
  }

  /** What the cursor and the screen are like now, in tmux's own words. */
  is(what: "cursor_flag" | "alternate_on"): boolean {
    return this.#tmux("display-message", "-p", `#{${what}}`).trim() === "1";
  }

  /** The process that the shell has started last. */
  programOf(): number {
    const shell = this.#tmux("display-message", "-p", "#{pane_pid}").trim();
    const { stdout } = spawnSync("ps", ["-o", "pid=", "--ppid", shell], { encoding: "utf8" });
    return Number(stdout.trim().split("\n").at(-1));
  }

  press(...keys: readonly string[]): void {
    this.#tmux("send-keys", ...keys);
  }

  resize(width: number, height: number): void {
    this.#tmux("resize-window", "-x", String(width), "-y", String(height));
  }

  /** Runs `pointsman top` in it. */
  top(...args: readonly string[]): void {
    const program = join(packageFolder, "src/cli.ts");
    const command = `node --conditions=pointsman-source --import tsx ${program} top ${args.join(" ")}`;
    this.press("-l", `cd ${packageFolder}; clear; ${command}; echo status $?`);
    this.press("Enter");
  }

  async shows(what: RegExp | string): Promise<void> {
    const isThere = (): boolean => {
      const text = this.text();
      return typeof what === "string" ? text.includes(what) : what.test(text);
    };
    await expect
      .poll(isThere, { timeout: 20_000, interval: 50, message: `shows ${what}` })
      .toBe(true);
  }
}
