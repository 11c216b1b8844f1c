import { Mistake } from "../command-line/description.ts";
import type { InCode } from "../routes/source.ts";

const known: readonly string[] = ["functions", "tables"] satisfies (keyof InCode)[];

/**
 * The options in a file of JSON. Their values are checked by the pool that gets them.
 *
 * @throws Mistake
 */
export function optionsIn(json: string): InCode {
  let options: unknown;
  try {
    options = JSON.parse(json);
  } catch (error) {
    throw new Mistake(`The file of --options is no JSON: ${(error as Error).message}.`);
  }
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new Mistake('The file of --options must have an object, as {"functions": {}}.');
  }
  const other = Object.keys(options).find((name) => !known.includes(name));
  if (other !== undefined) {
    throw new Mistake(
      `The file of --options has ${JSON.stringify(other)}: only functions and tables are taken from it.`,
    );
  }
  return options as InCode;
}
