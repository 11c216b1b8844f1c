import { LRUCache } from "lru-cache";

/**
 * A memory of texts, bounded in their number and in the memory that they take.
 *
 * @param lengthOf - how many characters a value has
 */
export function boundedTexts<V extends {}>(
  lengthOf: (value: V) => number = () => 0,
): LRUCache<string, V> {
  return new LRUCache({
    max: 10_000,
    maxSize: 8 * 1024 * 1024,
    sizeCalculation: (value, key) => 2 * (key.length + lengthOf(value)) + 64,
  });
}
