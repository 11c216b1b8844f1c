import { describe, expect, it } from "vitest";
import { alertRules, asSent, dashboardQueries, rulesOf } from "./support/files.ts";
import { hasPrometheus, needsPrometheus } from "./support/prometheus.ts";
import { ask, type Scraped } from "./support/promtool.ts";

/** What counts errors whose series begin with the first of them, and such a series. */
const counted = {
  PointsmanConnectFailures:
    'pointsman_connection_create_seconds_count{role="writer", endpoint="db:5432", error="28P01"}',
  PointsmanWriteOutcomeUnknown:
    'pointsman_statement_duration_seconds_count{role="writer", operation="INSERT", error="WRITE_OUTCOME_UNKNOWN"}',
  "Errors by code":
    'pointsman_statement_duration_seconds_count{role="writer", operation="INSERT", error="WRITE_OUTCOME_UNKNOWN"}',
  "Connections that failed":
    'pointsman_connection_create_seconds_count{role="writer", endpoint="db:5432", error="28P01"}',
  "Connections closed": 'pointsman_evictions_total{role="writer", reason="lost"}',
  "Statements sent again, or elsewhere":
    'pointsman_retries_total{role="writer", reason="after-refusal"}',
};

/** Who counts, and how: an alert by its name, a panel by its title as Grafana asks for it. */
const expressions = Object.keys(counted).map((name) => {
  const rule = rulesOf(alertRules).find((one) => one.name === name);
  if (rule !== undefined) return { name, expression: rule.expression };
  const [query, ...others] = dashboardQueries.filter(({ panel }) => panel === name);
  if (query === undefined || others.length > 0) throw new Error(`${name} is not there once.`);
  return { name, expression: asSent(query.expression, 60) };
});

interface History {
  readonly when: string;
  /** The series that counts the errors, a value every 15 seconds. */
  readonly errors: string;
  /** What is in every scrape of the process. */
  readonly always: string;
  /** How many errors must be told of at some time; 20 minutes after the last there are none. */
  readonly told: number;
}

const histories: readonly History[] = [
  {
    when: "one scrape fails, long after they were counted",
    errors: "3x40 stale 3x80",
    always: "0x40 stale 0x80",
    told: 0,
  },
  {
    when: "every other scrape fails",
    errors: "3x40 stale 3 stale 3 stale 3 stale 3 stale 3 stale 3 stale 3 stale 3x80",
    always: "0x40 stale 0 stale 0 stale 0 stale 0 stale 0 stale 0 stale 0 stale 0x80",
    told: 0,
  },
  {
    when: "the process cannot be scraped for 20 minutes",
    errors: "3x40 stale _x79 3x80",
    always: "0x40 stale _x79 0x80",
    told: 0,
  },
  {
    when: "Prometheus itself is away for 20 minutes",
    errors: "3x40 _x80 3x80",
    always: "0x40 _x80 0x80",
    told: 0,
  },
  {
    when: "a new Prometheus asks a process that has counted them long ago",
    errors: "_x4 3x80",
    always: "_x4 0x80",
    told: 0,
  },
  {
    when: "a process that has counted them is started again",
    errors: "3x40 stale _x80",
    always: "0x121",
    told: 0,
  },
  {
    when: "a process that was started again counts some again",
    errors: "3x40 stale _x9 3x80",
    always: "0x131",
    told: 3,
  },
  {
    when: "a process counts the first there were",
    errors: "_x40 3x80",
    always: "0x120",
    told: 3,
  },
  {
    when: "it counts the first while a scrape fails",
    errors: "_x41 3x80",
    always: "0x39 stale 0x80",
    told: 3,
  },
  {
    when: "it counts the first soon after it was started",
    errors: "_x22 3x80",
    always: "_x20 0x82",
    told: 3,
  },
  {
    when: "it counts more of what it has counted before",
    errors: "3x40 6x80",
    always: "0x121",
    told: 3,
  },
];

/** How many values there are: in promtool's notation `3x2` is three of them, and `_x2` two. */
const lengthOf = (values: string): number =>
  values
    .split(" ")
    .map((word) => Number(/x(\d+)$/.exec(word)?.[1] ?? 0) + (/^_x/.test(word) ? 0 : 1))
    .reduce((sum, length) => sum + length);

describe.skipIf(!hasPrometheus)(
  `of errors that begin a series are told as many as there were${hasPrometheus ? "" : ` (${needsPrometheus})`}`,
  () => {
    it.each(histories)("$told when $when", ({ errors, always, told }) => {
      const length = lengthOf(errors);
      expect(lengthOf(always)).toBe(length);
      const scraped: Scraped = {
        pointsman_writer_searching: always,
        ...Object.fromEntries(Object.values(counted).map((series) => [series, errors])),
      };
      const end = `${15 * (length - 1)}s`;
      const questions = expressions.flatMap(({ expression }) => [
        {
          expr: `round(max(max_over_time((${expression})[${end}:15s])) > 0)`,
          eval_time: end,
          exp_samples: told === 0 ? [] : [{ labels: "{}", value: told }],
        },
        { expr: `(${expression}) > 0`, eval_time: end, exp_samples: [] },
      ]);
      const { status, said } = ask(scraped, questions);
      expect(status, said).toBe(0);
    });
  },
);
