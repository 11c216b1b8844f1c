import type { Classification, RelationName } from "../statements/types.ts";

/** What is told of a text besides the text. */
export interface Description {
  readonly commands: readonly string[];
  readonly relations: readonly string[];
  readonly writes: readonly string[];
}

const known = new WeakMap<Classification, Description>();

/** Describes a text, once for each verdict. */
export function describe(facts: Classification): Description {
  let description = known.get(facts);
  if (description === undefined) {
    description = Object.freeze({
      commands: Object.freeze(facts.statements.map(({ command }) => command)),
      relations: Object.freeze(namesOf([...facts.reads, ...facts.writes])),
      writes: Object.freeze(namesOf(facts.writes)),
    });
    known.set(facts, description);
  }
  return description;
}

function namesOf(relations: readonly RelationName[]): readonly string[] {
  const names = relations.map(({ schema, name }) =>
    schema === undefined ? name : `${schema}.${name}`,
  );
  return [...new Set(names)];
}
