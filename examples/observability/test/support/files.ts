import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const example = new URL("../../", import.meta.url);

/** Where a file of the example is. */
export const pathOf = (file: string): string => fileURLToPath(new URL(file, example));

/** The alert rules, as Prometheus is given them. */
export const alertRules: string = readFileSync(pathOf("prometheus/alerts.yml"), "utf8");

/** One alert rule. */
export interface AlertRule {
  readonly name: string;
  readonly expression: string;
  readonly annotations: Readonly<Record<string, string>>;
}

/** The alert rules in a text, which is YAML of the shape that `prometheus/alerts.yml` has. */
export function rulesOf(text: string): readonly AlertRule[] {
  const [, ...rules] = text.split(/^ {6}- alert: /m);
  return rules.map((rule) => {
    const [name = ""] = rule.split("\n");
    const fields = fieldsOf(rule, 8);
    const annotations = fieldsOf(rule.slice(rule.indexOf("annotations:")), 10);
    return { name, expression: fields["expr"] ?? "", annotations };
  });
}

/** What stands behind each key of one depth: on its line, or folded below it. */
function fieldsOf(text: string, depth: number): Record<string, string> {
  const deeper = `(?:\\n {${depth + 1},}.*)*`;
  const fields = text.matchAll(new RegExp(`^ {${depth}}(\\w+):(.*${deeper})`, "gm"));
  return Object.fromEntries(
    [...fields].map(([, key = "", value = ""]) => [
      key,
      value.replace(/^ *>-/, "").replaceAll(/\s+/g, " ").trim(),
    ]),
  );
}

/** What of a dashboard of Grafana is looked at. */
export interface Dashboard {
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly query: unknown }[];
  };
  readonly panels: readonly Panel[];
}

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: { readonly uid: string };
  readonly gridPos: {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

export const dashboard: Dashboard = JSON.parse(
  readFileSync(pathOf("grafana/pointsman.json"), "utf8"),
);

/** Every query of the dashboard, with the panel that it is for. */
export const dashboardQueries: readonly {
  readonly panel: string;
  readonly expression: string;
  readonly legend: string;
}[] = dashboard.panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr, legendFormat }) => ({
    panel: title,
    expression: expr,
    legend: legendFormat,
  })),
);

/**
 * A query as Grafana sends it, for all jobs, instances and pools.
 *
 * @param windowSeconds - what Grafana looks back for a rate
 */
export function asSent(expression: string, windowSeconds: number): string {
  return expression
    .replaceAll("$__rate_interval", `${windowSeconds}s`)
    .replaceAll(/\$(job|instance|pool)\b/g, ".*");
}
