import { badInput } from "./problems.ts";

/** The largest value of PostgreSQL's integer. */
const maxInteger = 2_147_483_647;

type Fields = Readonly<Record<string, unknown>>;

/** The fields of a JSON body. */
export function fields(body: unknown): Fields {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw badInput("The body must be a JSON object.");
  }
  return body as Fields;
}

/** A whole number that was sent as JSON. */
export function integer(value: unknown, name: string, min = 1, max = maxInteger): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max) {
    throw badInput(`${name} must be a whole number from ${min} to ${max}.`);
  }
  return value;
}

/** A whole number out of a path or a query string. */
export function integerIn(text: string | undefined, name: string, max = maxInteger): number {
  return integer(/^\d{1,10}$/.test(text ?? "") ? Number(text) : undefined, name, 1, max);
}

/** The `page` of a query string; the first one, where it is not said. */
export function page(text: string | undefined): number {
  return text === undefined ? 1 : integerIn(text, "page", 1000);
}

/** A text of at most `max` characters, without the white space around it. */
export function text(value: unknown, name: string, max: number): string {
  const trimmed = typeof value === "string" ? value.trim() : "";
  // PostgreSQL's text cannot hold the character NUL.
  if (trimmed === "" || trimmed.length > max || trimmed.includes("\0")) {
    throw badInput(`${name} must be a text of 1 to ${max} characters.`);
  }
  return trimmed;
}

export function emailAddress(value: unknown): string {
  const address = text(value, "email", 200);
  if (!/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(address)) {
    throw badInput("email must be an e-mail address.");
  }
  return address;
}

/** One of a few words; the first of them, where nothing is said. */
export function oneOf<const Word extends string>(
  value: string | undefined,
  name: string,
  words: readonly [Word, ...Word[]],
): Word {
  if (value === undefined) return words[0];
  const found = words.find((word) => word === value);
  if (found === undefined) throw badInput(`${name} must be one of: ${words.join(", ")}.`);
  return found;
}

/** A list of 1 to `max` things, each read by `read`. */
export function list<Thing>(
  value: unknown,
  name: string,
  max: number,
  read: (thing: unknown) => Thing,
): Thing[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > max) {
    throw badInput(`${name} must be a list of 1 to ${max}.`);
  }
  return value.map((thing) => read(thing));
}
