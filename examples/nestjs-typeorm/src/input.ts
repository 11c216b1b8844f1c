import { type ArgumentMetadata, BadRequestException, type PipeTransform } from "@nestjs/common";

/** Gives back a value that is as it must be, or throws what the caller is told. */
export type Check<T> = (value: unknown, name: string) => T;

/** A pipe for one check: `@Body(new Checked(newCustomer))`. */
export class Checked<T> implements PipeTransform<unknown, T> {
  constructor(private readonly check: Check<T>) {}

  transform(value: unknown, { data }: ArgumentMetadata): T {
    return this.check(value, data ?? "The body");
  }
}

const wrong = (name: string, what: string) => new BadRequestException(`${name} must be ${what}.`);

/** A whole number. By default up to the largest that PostgreSQL's integer holds. */
export const wholeNumber =
  (min = 1, max = 2_147_483_647): Check<number> =>
  (value, name) => {
    if (Number.isInteger(value) && Number(value) >= min && Number(value) <= max) {
      return Number(value);
    }
    throw wrong(name, `a whole number from ${min} to ${max}`);
  };

/** The same, in a path or a query string. */
export const digits =
  (max?: number): Check<number> =>
  (value, name) =>
    wholeNumber(1, max)(/^\d{1,10}$/.test(String(value)) ? Number(value) : undefined, name);

/** A text, without the white space around it. NUL is what PostgreSQL cannot keep. */
export const text =
  (max: number): Check<string> =>
  (value, name) => {
    const trimmed = typeof value === "string" ? value.trim() : "";
    if (trimmed !== "" && trimmed.length <= max && !trimmed.includes("\0")) return trimmed;
    throw wrong(name, `a text of 1 to ${max} characters`);
  };

export const emailAddress: Check<string> = (value, name) => {
  const address = text(200)(value, name);
  if (/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(address)) return address;
  throw wrong(name, "an e-mail address");
};

/** An object with these fields; others are left out. */
export const object =
  <T extends object>(fields: { readonly [Name in keyof T]: Check<T[Name]> }): Check<T> =>
  (value, name) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw wrong(name, "a JSON object");
    }
    const read = Object.entries<Check<unknown>>(fields).map(([field, check]) => [
      field,
      check(Reflect.get(value, field), field),
    ]);
    return Object.fromEntries(read);
  };

export const list =
  <T>(max: number, check: Check<T>): Check<T[]> =>
  (value, name) => {
    if (Array.isArray(value) && value.length > 0 && value.length <= max) {
      return value.map((one, index) => check(one, `${name}[${index}]`));
    }
    throw wrong(name, `a list of 1 to ${max}`);
  };
