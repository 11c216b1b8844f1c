import { Problem } from "./problems.ts";

/** Takes what was sent under a name for a `T`, or throws a {@link Problem} that says what it must be. */
export type Check<T> = (value: unknown, name: string) => T;

const mustBe = (name: string, what: string): Problem =>
  new Problem(400, "bad_input", `${name} must be ${what}.`);

/** A whole number, within PostgreSQL's integer. */
export const whole =
  (min = 1, max = 2 ** 31 - 1): Check<number> =>
  (value, name) => {
    if (Number.isInteger(value) && Number(value) >= min && Number(value) <= max) {
      return Number(value);
    }
    throw mustBe(name, `a whole number from ${min} to ${max}`);
  };

/** The same, in a path or a query. */
export const digits =
  (max?: number): Check<number> =>
  (value, name) =>
    whole(1, max)(/^\d+$/.test(String(value)) ? Number(value) : undefined, name);

/** A text with more in it than white space, which is taken off its ends. */
export const text =
  (max: number): Check<string> =>
  (value, name) => {
    const trimmed = String(value).trim();
    // PostgreSQL's text cannot hold the character NUL.
    if (typeof value === "string" && /^[^\0]+$/.test(trimmed) && trimmed.length <= max) {
      return trimmed;
    }
    throw mustBe(name, `a text of 1 to ${max} characters`);
  };

export const email: Check<string> = (value, name) => {
  const address = text(200)(value, name);
  if (/^[^\s@]+@[^\s@]+$/.test(address)) return address;
  throw mustBe(name, "an e-mail address");
};

export const listOf =
  <T>(check: Check<T>, max: number): Check<T[]> =>
  (value, name) => {
    if (!Array.isArray(value) || value.length < 1 || value.length > max) {
      throw mustBe(name, `a list of 1 to ${max}`);
    }
    return value.map((one, at) => check(one, `${name}[${at}]`));
  };

/** An object with these fields; what else it has is left out. */
export const shape =
  <T extends object>(checks: { readonly [Field in keyof T]: Check<T[Field]> }): Check<T> =>
  (value, name) => {
    if (typeof value !== "object" || value === null) throw mustBe(name, "a JSON object");
    const fields = Object.entries<Check<unknown>>(checks).map(([field, check]) => [
      field,
      check((value as Record<string, unknown>)[field], field),
    ]);
    return Object.fromEntries(fields);
  };
