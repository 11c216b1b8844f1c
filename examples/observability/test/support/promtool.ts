import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathOf } from "./files.ts";

/** What was scraped, a value every 15 seconds in promtool's notation, by series. */
export type Scraped = Readonly<Record<string, string>>;

/** What an expression says at a moment. */
export interface Question {
  readonly expr: string;
  readonly eval_time: string;
  readonly exp_samples: readonly { readonly labels: string; readonly value: number }[];
}

/** What promtool has ended with, and said. */
export interface Verdict {
  readonly status: number | null;
  readonly said: string;
}

export function promtool(...words: readonly string[]): Verdict {
  const { status, stdout, stderr } = spawnSync("promtool", words, { encoding: "utf8" });
  return { status, said: stdout + stderr };
}

/** Asks promtool about the alerts of the example, and whatever else, after what was scraped. */
export function ask(scraped: Scraped, questions: readonly Question[]): Verdict {
  const folder = mkdtempSync(join(tmpdir(), "pointsman-promtool-"));
  try {
    const file = join(folder, "test.yml");
    writeFileSync(file, testOf(scraped, questions));
    return promtool("test", "rules", file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What promtool is given: YAML, in the part of it that is JSON. */
function testOf(scraped: Scraped, questions: readonly Question[]): string {
  return JSON.stringify({
    rule_files: [pathOf("prometheus/alerts.yml")],
    evaluation_interval: "15s",
    tests: [
      {
        interval: "15s",
        input_series: Object.entries(scraped).map(([series, values]) => ({
          series: stored(series),
          values,
        })),
        promql_expr_test: questions,
      },
    ],
  });
}

/** A series as it is stored, with what every one has. */
function stored(series: string): string {
  const [, name, labels] = /^(\w+)(?:\{(.*)\})?$/.exec(series) ?? [];
  const all = ['job="shop"', 'instance="shop:3000"', 'pool="main"', labels].filter(Boolean);
  return `${name}{${all.join(", ")}}`;
}
