/** A whole number that PostgreSQL's integer can hold. */
export const integer = (minimum = 1, maximum = 2_147_483_647) =>
  ({ type: "integer", minimum, maximum }) as const;

/** Not only white space, and without the character NUL, which PostgreSQL's text cannot hold. */
export const text = (maxLength: number) =>
  ({ type: "string", maxLength, pattern: "^\\s*[^\\s\\0][^\\0]*$" }) as const;

export const email = { type: "string", maxLength: 200, format: "email" } as const;

/** An object that has all of these, and nothing else: Fastify takes away what is not named. */
export const object = <Properties extends object>(properties: Properties) =>
  ({
    type: "object",
    required: Object.keys(properties),
    additionalProperties: false,
    properties,
  }) as const;
