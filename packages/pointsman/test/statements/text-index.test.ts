import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TextIndex } from "../../src/statements/text-index.ts";

interface Item {
  readonly text: string;
}

// Few letters and few lengths: most texts share both with others.
const text = fc.string({ unit: fc.constantFrom("a", "b", "\u{1F600}", "\uD800"), maxLength: 5 });
const step = fc.record({ does: fc.constantFrom("add", "delete", "get"), text });

describe("an index of texts", () => {
  it("holds what a map would hold, whatever is added and deleted", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const index = new TextIndex<Item>();
        const map = new Map<string, Item>();
        for (const { does, text } of steps) {
          const known = map.get(text);
          if (does === "add" && known === undefined) {
            map.set(text, { text });
            index.add(map.get(text) as Item);
          } else if (does === "delete") {
            map.delete(text);
            index.delete({ text });
          }
          expect(index.get(text)).toBe(map.get(text));
        }
        for (const item of map.values()) expect(index.get(item.text)).toBe(item);
      }),
      { numRuns: 500 },
    );
  });

  it("finds nothing for a text that only looks like one on the way to it", () => {
    const index = new TextIndex<Item>();
    for (const text of ["select a1", "select b1", "select b2"]) index.add({ text });
    for (const text of ["select c1", "select b3", "SELECT a1", "select", ""]) {
      expect(index.get(text)).toBeUndefined();
    }
  });

  it("lets go of everything that was deleted", () => {
    const index = new TextIndex<Item>();
    const texts = Array.from({ length: 500 }, (_, n) => `select ${n * 7919}`);
    for (const text of texts) index.add({ text });
    for (const text of texts) index.delete({ text });
    expect(index.lengths).toBe(0);
  });
});
