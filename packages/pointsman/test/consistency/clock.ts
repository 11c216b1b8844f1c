/** One count for all threads: what happens later has a higher number. */
export class Clock {
  readonly memory: SharedArrayBuffer;
  readonly #count: Int32Array;

  /** @param memory - of the clock that this one goes along with */
  constructor(memory = new SharedArrayBuffer(4)) {
    this.memory = memory;
    this.#count = new Int32Array(memory);
  }

  readonly tick = (): number => Atomics.add(this.#count, 0, 1) + 1;
}
