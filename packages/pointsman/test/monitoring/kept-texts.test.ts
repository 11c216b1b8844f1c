import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { StatementNamer } from "../../src/monitoring/opentelemetry/statement-names.ts";
import { SlowestTexts } from "../../src/monitoring/slowest-texts.ts";
import { answered } from "../support/answered-statement.ts";

setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

const slowest = new SlowestTexts();
const namer = new StatementNamer("sanitized");

test.each([
  ["the slowest texts", (text: string) => slowest.count({ ...answered, text })],
  ["texts of spans", (text: string) => namer.names({ ...answered, text })],
])("%s hold on to nothing of the files that they were read out of", (_what, keep) => {
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  for (let n = 0; n < 100; n++) {
    const file = Buffer.alloc(1_000_000, `select column_${n} from books;\n`).toString();
    keep(file.slice(0, file.indexOf(";")));
  }
  collectGarbage();
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(10_000_000);
  expect(slowest.told(1).slowest).toHaveLength(1);
});
