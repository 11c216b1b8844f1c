/** Characters that take two columns of a terminal. */
const wide =
  /[\p{Emoji_Presentation}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\u3000-\u303e\uff01-\uff60\uffe0-\uffe6]/u;

/** Characters that take none: they stand upon the one before. */
const narrowest = /[\p{Mn}\p{Me}]/u;

/** How many columns a text takes, whose characters steer nothing. */
export function widthOf(text: string): number {
  let width = 0;
  for (const character of text) width += widthOfCharacter(character);
  return width;
}

function widthOfCharacter(character: string): number {
  if (character < "\u0300") return 1;
  if (narrowest.test(character)) return 0;
  return wide.test(character) ? 2 : 1;
}

/**
 * A text on one line that steers no terminal, whoever has written it: with blanks in place of control
 * characters, those that have no width or turn the direction, and those that are of no Unicode.
 */
export function harmless(text: string): string {
  return text.replaceAll(/\p{Variation_Selector}/gu, "").replaceAll(/[\s\p{C}]/gu, " ");
}

/** The same without blanks around it, and with one where there are several. */
export function printable(text: string): string {
  return harmless(text).replaceAll(/ +/g, " ").trim();
}

/**
 * The text in so many columns: with blanks, or cut and with `…` in place of what is missing.
 *
 * @param cut - where it is cut: what tells endpoints apart is at their beginning and end
 */
export function fitted(
  text: string,
  width: number,
  align: "left" | "right" = "left",
  cut: "end" | "middle" = "end",
): string {
  const clean = printable(text);
  const own = widthOf(clean);
  if (own > width) return shortened(clean, width, cut);
  const blanks = " ".repeat(width - own);
  return align === "left" ? clean + blanks : blanks + clean;
}

function shortened(text: string, width: number, cut: "end" | "middle"): string {
  if (width <= 0) return "";
  const room = width - 1;
  const behind = cut === "middle" ? Math.floor(room / 3) : 0;
  const tail = reversed(beginning(reversed(text), behind));
  const head = beginning(text, room - widthOf(tail));
  const blanks = " ".repeat(room - widthOf(head) - widthOf(tail));
  return `${head}…${tail}${blanks}`;
}

/** As much of a text as fits. */
function beginning(text: string, width: number): string {
  let left = width;
  let taken = "";
  for (const character of text) {
    left -= widthOfCharacter(character);
    if (left < 0) break;
    taken += character;
  }
  return taken;
}

const reversed = (text: string): string => [...text].reverse().join("");
