import { LRUCache } from "lru-cache";

/** A memory of texts, bounded in their number and in the memory that they take. */
export function boundedTexts<V extends true | string>(): LRUCache<string, V> {
  return new LRUCache({
    max: 10_000,
    maxSize: 8 * 1024 * 1024,
    sizeCalculation: (value, key) => 2 * (key.length + (value === true ? 0 : value.length)) + 64,
  });
}
