import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { metrics } from "../../../pointsman/src/monitoring/metrics.ts";
import { ExpositionError, parseExposition } from "../../src/top/exposition.ts";
import { packageFolder } from "../helpers.ts";

test.each([
  ["a 1", { name: "a", labels: {}, value: 1 }],
  ["a{} 1.5e3", { name: "a", labels: {}, value: 1500 }],
  ['a_b:c{x="y",z="1"} -0.5', { name: "a_b:c", labels: { x: "y", z: "1" }, value: -0.5 }],
  ['a { x = "y" , } 1 1700000000000', { name: "a", labels: { x: "y" }, value: 1 }],
  ['a{x="a\\"b\\\\c\\nd, } e"} 1', { name: "a", labels: { x: 'a"b\\c\nd, } e' }, value: 1 }],
  ['a_bucket{le="+Inf"} +Inf', { name: "a_bucket", labels: { le: "+Inf" }, value: Infinity }],
  [
    'a{constructor="1",toString="2",__proto__="3"} 1',
    {
      name: "a",
      labels: JSON.parse('{"constructor":"1","toString":"2","__proto__":"3"}'),
      value: 1,
    },
  ],
  ["a NaN", { name: "a", labels: {}, value: Number.NaN }],
  ['a_total 1 # {trace_id="x"} 1', { name: "a_total", labels: {}, value: 1 }],
])("%s", (line, sample) => {
  expect(parseExposition(`# HELP a Is a.\n${line}\r\n\n`).samples).toEqual([sample]);
});

test.each([
  "<html>",
  "a",
  "a one",
  "1a 1",
  "a{x=y} 1",
  'a{x="y} 1',
  'a{x="y"',
  'a{x="y" z="1"} 1',
  'a{x="1",x="2"} 1',
  'a{__proto__="1",__proto__="2"} 1',
  "a 1 soon",
  "a 1 2 3",
  "a 0x10",
])("%s is none of it", (line) => {
  expect(() => parseExposition(`a 1\n${line}\n`)).toThrow(ExpositionError);
  expect(() => parseExposition(`a 1\n${line}\n`)).toThrow("line 2 is none of it");
});

test("the families are those that have a type", () => {
  const { families } = parseExposition(
    "# TYPE a counter\n# HELP b Is b.\n# a comment\na 1\n# EOF\n",
  );
  expect([...families]).toEqual(["a"]);
});

test("every metric that is looked at is one of the library's", () => {
  const folder = join(packageFolder, "src/top");
  const sources = readdirSync(folder).map((name) => readFileSync(join(folder, name), "utf8"));
  const used = sources.flatMap((source) => source.match(/"pointsman_[a-z_]+[a-z]"/g) ?? []);
  const known = Object.values(metrics).flatMap(({ prometheus: name, kind }) =>
    kind === "histogram" ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
  );
  expect(used.length).toBeGreaterThan(15);
  for (const name of used) expect(known).toContain(JSON.parse(name));
});
