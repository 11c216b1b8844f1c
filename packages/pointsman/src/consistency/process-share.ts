const windowReads = 1000;
const noticeable = 0.2;

/**
 * Watches what the position of the process costs: reads outside of sessions that went to the writer
 * because anybody in the process had just written.
 */
export class ProcessShare {
  readonly #advise: (share: number) => void;
  #reads = 0;
  #diverted = 0;
  #share: number | undefined;
  #advised = false;

  /** @param advise - called once, when a noticeable share of the reads was diverted */
  constructor(advise: (share: number) => void) {
    this.#advise = advise;
  }

  count(diverted: boolean): void {
    this.#reads += 1;
    if (diverted) this.#diverted += 1;
    if (this.#reads < windowReads) return;
    this.#share = this.#diverted / this.#reads;
    this.#reads = 0;
    this.#diverted = 0;
    if (this.#share < noticeable || this.#advised) return;
    this.#advised = true;
    this.#advise(this.#share);
  }

  /** The share of the last thousand reads; `undefined` before there were as many. */
  get share(): number | undefined {
    return this.#share;
  }
}
