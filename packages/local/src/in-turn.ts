/**
 * Gives one thing after the other, and the first one again after the last.
 *
 * @param things at least one
 */
export function inTurn<Thing>(things: readonly [Thing, ...Thing[]]): () => Thing {
  let turn = 0;
  return () => things[turn++ % things.length] ?? things[0];
}
