/** What is found by its text. */
export interface Indexed {
  readonly text: string;
}

/** A fork: texts of one length that first differ in the character at this place. */
interface Fork<T> {
  readonly at: number;
  readonly branches: Map<number, Fork<T> | T>;
}

/**
 * Finds things by their text without reading all of it: query builders make a new string for each
 * call, and to hash its every character, as a `Map` does, costs more than all the rest of a look-up.
 * The length, and the few characters in which the texts of that length differ, lead to the one text
 * that it can be; comparing tells whether it is.
 */
export class TextIndex<T extends Indexed> {
  readonly #byLength = new Map<number, Fork<T> | T>();

  get(text: string): T | undefined {
    let found = this.#byLength.get(text.length);
    while (found !== undefined && isFork(found)) {
      found = found.branches.get(text.charCodeAt(found.at));
    }
    return found !== undefined && found.text === text ? found : undefined;
  }

  /** Adds what is not there yet. */
  add(item: T): void {
    const { text } = item;
    let branches: Map<number, Fork<T> | T> = this.#byLength;
    let key = text.length;
    for (;;) {
      const found = branches.get(key);
      if (found === undefined) {
        branches.set(key, item);
        return;
      }
      if (!isFork(found)) {
        const at = firstDifference(found.text, text);
        const fork: Fork<T> = { at, branches: new Map() };
        fork.branches.set(found.text.charCodeAt(at), found);
        fork.branches.set(text.charCodeAt(at), item);
        branches.set(key, fork);
        return;
      }
      branches = found.branches;
      key = text.charCodeAt(found.at);
    }
  }

  /** Lengths of texts that there are. */
  get lengths(): number {
    return this.#byLength.size;
  }

  /** Deletes the one with this text, if there is one. */
  delete({ text }: Indexed): void {
    let branches: Map<number, Fork<T> | T> = this.#byLength;
    let key = text.length;
    // The last place above which there is something else: what is below it goes as a whole.
    let from = branches;
    let loose = key;
    for (;;) {
      const found = branches.get(key);
      if (found === undefined) return;
      if (!isFork(found)) {
        if (found.text === text) from.delete(loose);
        return;
      }
      branches = found.branches;
      key = text.charCodeAt(found.at);
      if (branches.size > 1) {
        from = branches;
        loose = key;
      }
    }
  }
}

function isFork<T extends Indexed>(node: Fork<T> | T): node is Fork<T> {
  return "branches" in node;
}

/** Where two texts of one length first differ. */
function firstDifference(a: string, b: string): number {
  let at = 0;
  while (a.charCodeAt(at) === b.charCodeAt(at)) at += 1;
  return at;
}
