import { once } from "node:events";
import { constants } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { Figures } from "./figures.ts";
import type { History } from "./history.ts";
import { type Key, listenForKeys } from "./keys.ts";
import { screenOf } from "./layout.ts";
import { type Source, SourceError } from "./reading.ts";
import { Screen } from "./screen.ts";

interface View {
  readonly source: Source;
  /** With the first reading. */
  readonly history: History;
  readonly intervalMillis: number;
  readonly coloured: boolean;
}

const endingSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** The screen that is drawn again and again, until a key or a signal ends it. */
export class LiveView {
  readonly #view: View;
  readonly #screen: Screen;
  readonly #over = new AbortController();
  /** What is shown while it is paused. */
  #frozen: Figures | undefined;
  #trouble: string | undefined;
  #status = 0;

  constructor(view: View) {
    this.#view = view;
    this.#screen = new Screen(process.stdout, view.coloured);
  }

  /** @returns the exit status */
  async run(): Promise<number> {
    const resized = (): void => this.#redraw();
    const signalled = (signal: (typeof endingSignals)[number]): void => {
      this.#status = 128 + constants.signals[signal];
      this.#over.abort();
    };
    const over = once(this.#over.signal, "abort");
    const stopKeys = listenForKeys(process.stdin, (key) => this.#press(key));
    process.stdout.on("resize", resized);
    process.on("SIGCONT", resized);
    for (const signal of endingSignals) process.on(signal, signalled);
    this.#screen.open();
    try {
      this.#draw();
      while (await this.#pause()) {
        // Nobody who has pressed a key waits for an answer that may not come.
        await Promise.race([over, this.#read()]);
        this.#draw();
      }
    } finally {
      this.#screen.close();
      stopKeys();
      process.stdout.off("resize", resized);
      process.off("SIGCONT", resized);
      for (const signal of endingSignals) process.off(signal, signalled);
    }
    return this.#status;
  }

  /** Waits for the next look. @returns whether there is one */
  async #pause(): Promise<boolean> {
    const { signal } = this.#over;
    if (signal.aborted) return false;
    return sleep(this.#view.intervalMillis, true, { signal }).catch(() => false);
  }

  async #read(): Promise<void> {
    const { source, history } = this.#view;
    try {
      history.add(await source.read());
      this.#trouble = undefined;
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      this.#trouble = error.message;
    }
  }

  #press(key: Key): void {
    if (key === "quit") {
      this.#over.abort();
      return;
    }
    this.#frozen = this.#frozen === undefined ? this.#view.history.figures() : undefined;
    this.#draw();
  }

  #redraw(): void {
    this.#screen.forget();
    this.#draw();
  }

  #draw(): void {
    const { source, history, intervalMillis } = this.#view;
    const figures = this.#frozen ?? history.figures();
    if (figures === undefined || this.#over.signal.aborted) return;
    const millis = performance.now() - (history.lastAt ?? 0);
    const trouble = this.#trouble === undefined ? undefined : { reason: this.#trouble, millis };
    const isPaused = this.#frozen !== undefined;
    const surroundings = {
      source: source.name,
      gone: history.gone,
      trouble,
      isPaused,
      intervalMillis,
    };
    this.#screen.draw(screenOf(figures, surroundings, this.#screen.size));
  }
}
