/**
 * The same alerts for whoever has seconds where operators have minutes: what they look back at,
 * and how long they wait before they fire, is shorter. What they compare, and with what, stays.
 *
 * @param rules - the text of a file of alert rules
 * @param windowSeconds - in the place of each range, as in `[5m]`
 * @param patienceSeconds - in the place of each `for:`
 */
export function hurriedRules(rules: string, windowSeconds = 10, patienceSeconds = 1): string {
  return rules
    .replaceAll(/\[\d+[smh]\]/g, `[${windowSeconds}s]`)
    .replaceAll(/^(\s*for:) *\S+/gm, `$1 ${patienceSeconds}s`);
}
