import type { Classification } from "../statements/types.ts";

/** What is told of a text besides the text. */
export interface Description {
  readonly commands: readonly string[];
  readonly relations: readonly string[];
}

const known = new WeakMap<Classification, Description>();

/** Describes a text, once for each verdict. */
export function describe(facts: Classification): Description {
  let description = known.get(facts);
  if (description === undefined) {
    description = Object.freeze({
      commands: Object.freeze(facts.statements.map(({ command }) => command)),
      relations: Object.freeze(relationsOf(facts)),
    });
    known.set(facts, description);
  }
  return description;
}

function relationsOf({ reads, writes }: Classification): string[] {
  const names = [...reads, ...writes].map(({ schema, name }) =>
    schema === undefined ? name : `${schema}.${name}`,
  );
  return [...new Set(names)];
}
