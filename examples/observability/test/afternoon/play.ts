import { setTimeout as pause } from "node:timers/promises";
import { until } from "../../../../packages/pointsman/test/support/waiting.ts";
import { asSent, dashboardQueries } from "../support/files.ts";
import type { Alert, Sample } from "../support/prometheus.ts";
import type { PanelSign, Scenario } from "./scenario.ts";
import type { Stage } from "./stage.ts";

/** What was seen while something was broken, and before it was mended. */
export interface Seen {
  readonly alerts: readonly Alert[];
  readonly panels: readonly { readonly panel: string; readonly samples: readonly Sample[] }[];
  readonly log: readonly string[];
  readonly top: string;
  readonly doctor: string;
}

/** Who watches. */
export interface Watcher {
  broken(scenario: Scenario): void;
  seen(seen: Seen): void;
  mended(scenario: Scenario): void;
  /** No alert is left, so many seconds after it was mended; `log`: all that was written. */
  over(log: readonly string[], seconds: number): void;
}

/** How long anything may take to show, or to be silent again, in milliseconds. */
const patienceMillis = 60_000;
/** What the panels look back for a rate, in seconds. */
const windowSeconds = 15;

/**
 * Breaks something, waits until everything shows that the scenario names, puts it right, and waits
 * until no alert is left.
 *
 * @throws Error when something does not show, with what shows instead
 */
export async function play(stage: Stage, scenario: Scenario, watcher?: Watcher): Promise<Seen> {
  const linesBefore = stage.shop.log().length;
  const written = () =>
    stage.shop
      .log()
      .slice(linesBefore - 1)
      .join("\n");
  watcher?.broken(scenario);
  const mend = await scenario.break(stage);
  try {
    const [panels, alerts, log] = await Promise.all([
      Promise.all(scenario.panels.map((sign) => shown(stage, sign))),
      firing(stage, scenario.alerts),
      found("the log", scenario.log, async () => written()),
    ]);
    const [top, doctor] = await Promise.all([
      found("pointsman top", scenario.top, async () => (await stage.top()).stdout),
      found("pointsman doctor", scenario.doctor, async () => (await stage.doctor()).stdout),
    ]);
    const seen = { panels, alerts, log: log.split("\n"), top, doctor };
    watcher?.seen(seen);
    return seen;
  } finally {
    watcher?.mended(scenario);
    const before = performance.now();
    await mend();
    const log = await found("the log", scenario.over, async () => written());
    await until(
      `all alerts are silent after: ${scenario.name}`,
      async () => (await stage.prometheus.alerts()).length === 0,
      patienceMillis,
    );
    watcher?.over(log.split("\n"), (performance.now() - before) / 1000);
  }
}

async function shown(stage: Stage, { panel, shows, when }: PanelSign) {
  const queries = dashboardQueries.filter((query) => query.panel === panel);
  if (queries.length === 0) throw new Error(`There is no panel ${panel}.`);
  const samples = await until(
    `the panel ${panel} shows ${shows}`,
    async () => {
      const answers = await Promise.all(
        queries.map(({ expression }) => stage.prometheus.query(asSent(expression, windowSeconds))),
      );
      const all = answers.flat();
      return when(all) && all;
    },
    patienceMillis,
  );
  return { panel, samples };
}

/** The alerts, once all of these fire. */
async function firing(stage: Stage, names: readonly string[]): Promise<readonly Alert[]> {
  return until(
    `${names.join(", ")} fire`,
    async () => {
      const alerts = await stage.prometheus.alerts();
      const fires = (name: string) =>
        alerts.some((alert) => alert.name === name && alert.state === "firing");
      return names.every(fires) && alerts;
    },
    patienceMillis,
  );
}

/** A text, once all of these stand in it. */
async function found(
  where: string,
  patterns: readonly RegExp[],
  look: () => Promise<string>,
): Promise<string> {
  const deadline = performance.now() + patienceMillis;
  for (;;) {
    const text = await look();
    const missing = patterns.filter((pattern) => !pattern.test(text));
    if (missing.length === 0) return text;
    if (performance.now() > deadline) {
      throw new Error(`${where} does not show ${missing.join(", ")}, but:\n${text}`);
    }
    await pause(50);
  }
}
