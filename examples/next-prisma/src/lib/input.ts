import { badInput } from "@/lib/problems.ts";

/** The largest value of PostgreSQL's integer. */
const largest = 2_147_483_647;

/** The body of a request, field by field. */
export class Fields {
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(body: unknown) {
    if (typeof body !== "object" || body === null || Array.isArray(body)) {
      throw badInput("The body must be a JSON object.");
    }
    this.#values = body as Record<string, unknown>;
  }

  static async of(request: Request): Promise<Fields> {
    const body = await request.json().catch(() => {
      throw badInput("The body must be JSON.");
    });
    return new Fields(body);
  }

  integer(name: string, min = 1, max = largest): number {
    const value = this.#values[name];
    if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) {
      return value;
    }
    throw badInput(`${name} must be a whole number from ${min} to ${max}.`);
  }

  /** A text, without the white space around it. PostgreSQL's cannot hold the character NUL. */
  text(name: string, max: number): string {
    const value = this.#values[name];
    const text = typeof value === "string" ? value.trim() : "";
    if (text.length >= 1 && text.length <= max && !text.includes("\0")) return text;
    throw badInput(`${name} must be a text of 1 to ${max} characters.`);
  }

  emailAddress(name: string): string {
    const address = this.text(name, 200);
    if (/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(address)) return address;
    throw badInput(`${name} must be an e-mail address.`);
  }

  list(name: string, max: number): Fields[] {
    const value = this.#values[name];
    if (Array.isArray(value) && value.length >= 1 && value.length <= max) {
      return value.map((one) => new Fields(one));
    }
    throw badInput(`${name} must be a list of 1 to ${max}.`);
  }
}

/** A whole number in a path or a query string. */
export function digits(text: string, name: string, max = largest): number {
  const number = /^\d{1,10}$/.test(text) ? Number(text) : 0;
  if (number >= 1 && number <= max) return number;
  throw badInput(`${name} must be a whole number from 1 to ${max}.`);
}
