/**
 * Gives one thing after the other, and the first one again after the last.
 *
 * @param things asked each time for what there is at that moment: at least one
 */
export function inTurn<Thing>(things: () => readonly [Thing, ...Thing[]]): () => Thing {
  let turn = 0;
  return () => {
    const present = things();
    return present[turn++ % present.length] ?? present[0];
  };
}
