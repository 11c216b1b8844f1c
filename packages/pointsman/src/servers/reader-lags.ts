/** A reader is further behind the writer than it may be. */
export class ReaderLags extends Error {
  constructor(endpoint: string, lagMillis: number, maxLagMillis: number) {
    super(
      `${endpoint} is ${Math.round(lagMillis)} ms behind the writer, and may be ${maxLagMillis} (maxLag).`,
    );
    this.name = "ReaderLags";
  }
}
