import { reasons } from "pointsman";
import { describe, expect, it } from "vitest";
import { type Metric, metrics } from "../../../packages/pointsman/src/monitoring/metrics.ts";
import { evictionReasons } from "../../../packages/pointsman/src/telemetry/eviction-reasons.ts";
import { alertRules, dashboard, dashboardQueries, rulesOf } from "./support/files.ts";

const all = Object.values<Metric>(metrics);
const rules = rulesOf(alertRules);

const expressions = [
  ...dashboardQueries.map(({ panel, expression }) => ({ from: `panel ${panel}`, expression })),
  ...rules.map(({ name, expression }) => ({ from: `alert ${name}`, expression })),
];

interface Selector {
  readonly metric: Metric | undefined;
  readonly name: string;
  readonly matchers: readonly { readonly label: string; readonly values: readonly string[] }[];
}

/** What an expression selects, series by series. */
function selectorsOf(expression: string): readonly Selector[] {
  const found = expression.matchAll(/\b(pointsman_\w+)(?:\{((?:"[^"]*"|[^"}])*)\})?/g);
  return [...found].map(([, name = "", inside = ""]) => ({
    name,
    metric: all.find(
      ({ prometheus, kind }) =>
        prometheus === (kind === "histogram" ? name.replace(/_(bucket|sum|count)$/, "") : name),
    ),
    matchers: [...inside.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"/g)].map(
      ([, label = "", value = ""]) => ({ label, values: value.split("|") }),
    ),
  }));
}

/** The labels by which an expression puts series together. */
const groupsOf = (expression: string): readonly string[] =>
  [...expression.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = ""]) => list.split(/,\s*/));

/** Labels that every series has: of Prometheus, and of the pool. */
const everywhere = ["job", "instance", "pool"];

const labelsOf = ({ labels, kind }: Metric): readonly string[] => [
  ...everywhere,
  ...labels,
  ...(kind === "histogram" ? ["le"] : []),
];

/** What an expression names that does not exist. */
function inventedIn(expression: string): readonly string[] {
  const selectors = selectorsOf(expression);
  const labels = new Set(selectors.flatMap(({ metric }) => (metric ? labelsOf(metric) : [])));
  return [
    ...selectors.filter(({ metric }) => metric === undefined).map(({ name }) => name),
    ...selectors.flatMap(({ name, metric, matchers }) =>
      matchers.flatMap(({ label, values }) => [
        ...(metric && !labelsOf(metric).includes(label) ? [`${name}{${label}}`] : []),
        ...(label === "reason" ? values.filter((value) => !isReason(value)) : []),
        ...(label === "role" ? values.filter((value) => !/^(writer|reader)$/.test(value)) : []),
      ]),
    ),
    ...groupsOf(expression).filter((label) => !labels.has(label)),
  ];
}

const isReason = (value: string): boolean => value in reasons || value in evictionReasons;

describe("what dashboard and alerts ask for", () => {
  it.each(expressions)("exists: $from", ({ expression }) => {
    expect(selectorsOf(expression).length).toBeGreaterThan(0);
    expect(inventedIn(expression)).toEqual([]);
  });

  it("is looked through to the letter", () => {
    const expression =
      'sum by (role, shard) (rate(pointsman_statements_total{reason=~"asked|guessed", state="idle"}[5m])) / pointsman_speed_count + pointsman_lanes_count{role="primary"}';
    expect(inventedIn(expression)).toEqual([
      "pointsman_speed_count",
      "pointsman_lanes_count",
      "guessed",
      "pointsman_statements_total{state}",
      "primary",
      "shard",
    ]);
  });
});

describe("the dashboard", () => {
  it("draws every metric there is", () => {
    const drawn = new Set(
      dashboardQueries.flatMap(({ expression }) =>
        selectorsOf(expression).map(({ metric }) => metric?.prometheus),
      ),
    );
    expect(all.map(({ prometheus }) => prometheus).filter((name) => !drawn.has(name))).toEqual([]);
  });

  it("can be imported anywhere: its source of data, and what it shows, are chosen in it", () => {
    expect(dashboard.templating.list.map(({ name }) => name)).toEqual([
      "datasource",
      ...everywhere,
    ]);
    const panels = dashboard.panels.filter(({ type }) => type !== "row");
    expect(new Set(panels.map(({ datasource }) => datasource?.uid))).toEqual(
      new Set(["$datasource"]),
    );
    for (const { panel, expression } of dashboardQueries) {
      for (const { matchers } of selectorsOf(expression)) {
        const chosen = matchers.filter(({ label, values }) => values[0] === `$${label}`);
        expect(
          chosen.map(({ label }) => label),
          panel,
        ).toEqual(everywhere);
      }
    }
  });

  it("says of each panel what it shows, and tells its lines apart", () => {
    for (const { type, title, description } of dashboard.panels) {
      if (type !== "row") expect(description, title).toMatch(/\.$/);
    }
    for (const { panel, expression, legend } of dashboardQueries) {
      const shown = [...legend.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label);
      const groups = groupsOf(expression).filter((label) => label !== "le");
      expect(new Set(shown), panel).toEqual(new Set(groups));
    }
  });

  it("has no two panels with one number, or in one place", () => {
    const { panels } = dashboard;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)},${y + Math.floor(cell / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
  });
});

describe("every alert", () => {
  it.each(rules)("says what is wrong, and where one reads what to do: $name", (rule) => {
    expect(rule.name).toMatch(/^Pointsman[A-Z]/);
    expect(rule.annotations).toEqual({
      summary: expect.stringMatching(/\{\{ \$labels\.\w+ \}\}.*\.["]?$/),
      description: expect.stringMatching(/\{\{ \$labels\.instance \}\}.*\.$/),
      runbook_url: `docs/runbook.md#${rule.name.toLowerCase()}`,
    });
  });

  it("is there once", () => {
    const names = rules.map(({ name }) => name);
    expect(names.length).toBeGreaterThan(9);
    expect([...new Set(names)]).toEqual(names);
  });
});
