import fc, { type GeneratorValue } from "fast-check";
import { describe, expect, it } from "vitest";
import { judgeText } from "../../src/statements/judge-text.ts";
import { shapeOf } from "../../src/statements/shape.ts";
import { reads, writes } from "./cases.ts";
import { hostile, literals, literalTexts, pieces } from "./literal-texts.ts";
import { samples } from "./samples.ts";

/** The same cases each time; a search for more of them takes another seed, and more runs. */
const seed = Number(process.env["POINTSMAN_SEED"] ?? 1);
const numRuns = Number(process.env["POINTSMAN_RUNS"] ?? 12_000);

const corpus = fc.oneof(
  fc.constantFrom(...literalTexts),
  fc.constantFrom(
    ...Object.values(reads).flat(),
    ...Object.values(writes).flatMap((cases) => cases.map(([sql]) => sql)),
    ...Object.values(samples).flat(),
  ),
);

const literalOf: Readonly<Record<string, fc.Arbitrary<string>>> = Object.fromEntries(
  Object.entries(literals).map(([kind, listed]) => [
    kind,
    kind === "i"
      ? fc.oneof(fc.constantFrom(...listed), fc.nat(2_147_483_647).map(String))
      : fc.constantFrom(...listed),
  ]),
);
const anyLiteral = fc.oneof(...Object.values(literalOf));
const trap = fc.constantFrom(...hostile);
const piece = fc.constantFrom(...pieces);
const tokens = fc.oneof(
  anyLiteral,
  trap,
  piece,
  fc.constantFrom(
    ..."select from where values in and or not like as t a f ( ) , = + - * :: .".split(" "),
  ),
);
const soup = fc
  .array(fc.tuple(tokens, fc.constantFrom("", " ", "", "\n")), { maxLength: 12 })
  .map((parts) => `select ${parts.flat().join("")}`);

/** A literal, as far as a pattern can tell. */
const literal =
  /(?:[ebxn]|u&)?'(?:[^'\\]|''|\\.)*'|\$(\w*)\$[\s\S]*?\$\1\$|\b\d+(?:\.\d+)?(?:e[-+]?\d+)?/gi;

function edited(sql: string, g: GeneratorValue): string {
  const at = g(fc.nat, sql.length);
  const insert = (inserted: string) => sql.slice(0, at) + inserted + sql.slice(at);
  switch (g(fc.nat, 5)) {
    case 0:
      return sql.slice(0, at) + sql.slice(at + 1 + g(fc.nat, 1));
    case 1:
      return insert(sql.slice(at, at + 1 + g(fc.nat, 2)));
    case 2:
      return insert(g(() => piece));
    case 3:
      return insert(g(() => trap));
    case 4:
      return insert(g(() => anyLiteral));
    default:
      return sql.replace(literal, (found) => {
        const choice = g(fc.nat, 9);
        if (choice < 4) return found;
        return choice < 9 ? g(() => anyLiteral) : g(() => trap);
      });
  }
}

/** A text of the corpus with up to three changes, or of tokens in no order. */
function someText(g: GeneratorValue): string {
  if (g(fc.nat, 4) === 0) return g(() => soup);
  let sql = g(() => corpus);
  for (let left = g(fc.nat, 3); left > 0; left--) sql = edited(sql, g);
  return sql;
}

/** A text of this shape, if its literals end where they seem to. */
function rendered(shape: string, g: GeneratorValue): string {
  return shape.replace(/\0(.)/g, (_, kind: string) =>
    g(() => literalOf[kind] as fc.Arbitrary<string>),
  );
}

describe("texts of one shape", () => {
  it("are judged alike in every respect, whatever their literals are", () => {
    let compared = 0;
    let accepted = 0;
    fc.assert(
      fc.property(fc.gen(), (g) => {
        const sql = someText(g);
        const shape = shapeOf(sql);
        if (shape === undefined) return;
        const judged = judgeText(sql);
        for (let other = 0; other < 3; other++) {
          const text = rendered(shape, g);
          if (shapeOf(text) !== shape) continue;
          expect(judgeText(text)).toEqual(judged);
          compared++;
          if (judged.verdict !== "unparsable") accepted++;
        }
      }),
      { seed, numRuns },
    );
    // It must not become a test of nothing.
    expect(compared).toBeGreaterThan(numRuns / 4);
    expect(accepted).toBeGreaterThan(numRuns / 8);
  });
});
