/** Lets one thing be done after the other, in the order in which they were asked for. */
export class Turns {
  /** Resolves when what was asked for last is over. */
  #last: Promise<unknown> = Promise.resolve();

  /** Does something when all before it is over, however that ended. */
  take<Result>(act: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(act);
    this.#last = result.catch(() => {});
    return result;
  }
}
