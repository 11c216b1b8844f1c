/** How long the fastest way to the servers is remembered, in milliseconds. */
const memoryMillis = 10_000;

/** What the way to the servers and back takes: as long as the fastest statement of late. */
export class Way {
  /** In milliseconds; infinite as long as nothing is known. */
  millis = Number.POSITIVE_INFINITY;
  #until = 0;

  /** A statement has been answered after so long. */
  took(millis: number, now: number): void {
    if (millis > this.millis && now < this.#until) return;
    this.millis = millis;
    this.#until = now + memoryMillis;
  }
}
