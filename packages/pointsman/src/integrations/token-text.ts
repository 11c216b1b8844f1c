/** What a token can look like. Anything else a client sends is not worth a closer look. */
const tokenPattern = /^[\w.~-]{1,256}$/;

/** The most tokens that are taken from one place; of more, the last ones. */
export const maxTokens = 16;

export function looksLikeToken(text: string): boolean {
  return tokenPattern.test(text);
}

/** The tokens of a header: one, or several with commas in between. */
export function tokensOfHeader(value: string | undefined): string[] {
  if (value === undefined) return [];
  return itemsOf(value, ",").filter(looksLikeToken).slice(-maxTokens);
}

/** What stands between separators, without the space around it. */
export function itemsOf(text: string, separator: string): string[] {
  return text.split(separator).map((item) => item.trim());
}
