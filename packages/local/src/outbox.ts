/** More than this is not taken in while it waits, in bytes. */
const FULL = 1 << 20;

/** Passes chunks on in their order, each after a delay. */
export class Outbox {
  readonly #deliver: (chunk: Buffer | undefined) => void;
  readonly #waiting: { readonly due: number; readonly chunk: Buffer | undefined }[] = [];
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #paused = false;

  /** @param deliver gets each chunk; `undefined`: the end */
  constructor(deliver: (chunk: Buffer | undefined) => void) {
    this.#deliver = deliver;
  }

  /** Whether so much waits that no more should be pushed. */
  get full(): boolean {
    return this.#bytes > FULL;
  }

  push(chunk: Buffer | undefined, delayMs: number): void {
    if (delayMs === 0 && this.#waiting.length === 0 && !this.#paused) {
      this.#deliver(chunk);
      return;
    }
    const due = Math.max(performance.now() + delayMs, this.#waiting.at(-1)?.due ?? 0);
    this.#bytes += chunk?.length ?? 0;
    this.#waiting.push({ due, chunk });
    this.#schedule();
  }

  /** Delivers nothing until {@link Outbox.resume}. */
  pause(): void {
    this.#paused = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  resume(): void {
    this.#paused = false;
    this.#schedule();
  }

  /** Throws away what waits. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#waiting.length = 0;
    this.#bytes = 0;
  }

  #schedule(): void {
    const [next] = this.#waiting;
    if (next === undefined || this.#paused || this.#timer) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#deliverDue();
        this.#schedule();
      },
      Math.max(0, next.due - performance.now()),
    );
  }

  #deliverDue(): void {
    // Timers may be up to a millisecond early.
    while ((this.#waiting[0]?.due ?? Number.POSITIVE_INFINITY) <= performance.now() + 1) {
      const next = this.#waiting.shift();
      this.#bytes -= next?.chunk?.length ?? 0;
      this.#deliver(next?.chunk);
      // What is delivered may be what closes this.
      if (this.#paused) return;
    }
  }
}
