/** Breaks a text between words, and a word that is too long, such as a host's name, within. */
export function wrap(text: string, width: number): string[] {
  const rows: string[] = [];
  let row = "";
  for (const word of text.split(" ").flatMap((long) => pieces(long, width))) {
    if (row !== "" && row.length + 1 + word.length > width) {
      rows.push(row);
      row = word;
    } else {
      row = row === "" ? word : `${row} ${word}`;
    }
  }
  return [...rows, row];
}

/** Parts of a word that fit; they end behind a mark in it where they can. */
function pieces(word: string, width: number): string[] {
  if (word.length <= width) return [word];
  const mark = Math.max(...[".", ":", "/"].map((sign) => word.lastIndexOf(sign, width - 1)));
  const end = mark > 0 ? mark + 1 : width;
  return [word.slice(0, end), ...pieces(word.slice(end), width)];
}
