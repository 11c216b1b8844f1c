/**
 * How many texts of one shape may come again as they were. More than that, and their literals are
 * values that change, even where some come more than once: the favourite rows of a table.
 */
const fewTexts = 4;

/**
 * Tells the texts of a shape that come again and again from those that are never the same twice. It
 * remembers hashes: two texts with one hash are taken for one, which costs a place in a memory.
 */
export class TextVariety {
  #hashes: number[] | undefined;

  constructor(first: string) {
    this.#hashes = [hashOf(first)];
  }

  /** Whether this text has come before, and the shape has had few others. */
  comesAgain(text: string): boolean {
    const hashes = this.#hashes;
    if (hashes === undefined) return false;
    const hash = hashOf(text);
    if (hashes.includes(hash)) return true;
    if (hashes.length < fewTexts) hashes.push(hash);
    else this.#hashes = undefined;
    return false;
  }
}

/** FNV-1a, over the codes of the characters. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  return hash;
}
