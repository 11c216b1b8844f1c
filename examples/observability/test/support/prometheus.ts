import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ended, freePort } from "../../../../packages/pointsman/test/support/own-process.ts";
import { until } from "../../../../packages/pointsman/test/support/waiting.ts";

/** Whether tests can start a Prometheus; those that cannot are skipped by name. */
export const hasPrometheus = ["prometheus", "promtool"].every(
  (program) => spawnSync(program, ["--version"]).status === 0,
);

/** What the name of a test that needs a Prometheus says. */
export const needsPrometheus = "needs prometheus and promtool on the PATH";

/** What a Prometheus of a test's own is started with. */
export interface PrometheusOptions {
  /** `host:port` of each service; `/metrics` is asked there once a second. */
  readonly targets: readonly string[];
  /** The text of a file of alert rules. */
  readonly rules?: string;
}

/** One series at one moment. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** An alert whose expression is true. */
export interface Alert {
  readonly name: string;
  /** `pending`: not yet for as long as its `for:` asks. */
  readonly state: "pending" | "firing";
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A Prometheus of the test's own, on loopback, that keeps what it knows in a temporary folder. */
export interface Prometheus {
  readonly url: string;
  /**
   * What an expression says now.
   *
   * @throws Error with Prometheus's own words, when the expression is wrong
   */
  query(expression: string): Promise<readonly Sample[]>;
  /** The alerts that are pending or firing now. */
  alerts(): Promise<readonly Alert[]>;
  /** The rules that could not be evaluated, each with the reason. */
  brokenRules(): Promise<readonly string[]>;
  stop(): Promise<void>;
}

/** Starts a Prometheus, and waits until it has asked each target once. */
export async function startPrometheus({ targets, rules }: PrometheusOptions): Promise<Prometheus> {
  const folder = await mkdtemp(join(tmpdir(), "pointsman-prometheus-"));
  const url = `127.0.0.1:${await freePort()}`;
  await writeFile(join(folder, "prometheus.yml"), configuration(targets, rules !== undefined));
  if (rules !== undefined) await writeFile(join(folder, "rules.yml"), rules);
  const server = spawn(
    "prometheus",
    [
      `--config.file=${join(folder, "prometheus.yml")}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      `--web.listen-address=${url}`,
      "--log.level=warn",
    ],
    { stdio: ["ignore", "ignore", "pipe"], cwd: folder },
  );
  let said = "";
  server.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  // Whoever ends without stop() takes it along.
  const takeAlong = () => server.kill("SIGKILL");
  process.once("exit", takeAlong);
  const prometheus = new OwnPrometheus(`http://${url}`, async () => {
    await ended(server);
    process.off("exit", takeAlong);
    await rm(folder, { recursive: true, force: true });
  });
  try {
    await until(
      "prometheus has asked its targets",
      async () => {
        if (hasEnded(server)) throw new Error(`prometheus has ended: ${said}`);
        const up = await prometheus.query("up").catch(() => []);
        return up.length === targets.length;
      },
      60_000,
    );
  } catch (error) {
    await prometheus.stop();
    throw error;
  }
  return prometheus;
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess) =>
  exitCode !== null || signalCode !== null;

/** YAML, in the part of it that is JSON. */
function configuration(targets: readonly string[], hasRules: boolean): string {
  return JSON.stringify({
    global: { scrape_interval: "1s", scrape_timeout: "1s", evaluation_interval: "1s" },
    rule_files: hasRules ? ["rules.yml"] : [],
    scrape_configs: [{ job_name: "shop", static_configs: [{ targets }] }],
  });
}

/** What Prometheus answers to, as far as tests ask: https://prometheus.io/docs/prometheus/latest/querying/api */
interface Answers {
  query:
    | { resultType: "scalar"; result: [at: number, value: string] }
    | {
        resultType: "vector";
        result: { metric: Record<string, string>; value: [at: number, value: string] }[];
      };
  alerts: {
    alerts: {
      labels: Record<string, string>;
      annotations: Record<string, string>;
      state: "pending" | "firing";
      value: string;
    }[];
  };
  rules: { groups: { rules: { name: string; health: string; lastError?: string }[] }[] };
}

class OwnPrometheus implements Prometheus {
  readonly url: string;
  readonly stop: () => Promise<void>;

  constructor(url: string, stop: () => Promise<void>) {
    this.url = url;
    this.stop = stop;
  }

  async query(expression: string): Promise<readonly Sample[]> {
    const answer = await this.#ask("query", { query: expression });
    if (answer.resultType === "scalar") return [{ labels: {}, value: Number(answer.result[1]) }];
    return answer.result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
  }

  async alerts(): Promise<readonly Alert[]> {
    const { alerts } = await this.#ask("alerts");
    return alerts.map(({ labels: { alertname = "", ...labels }, annotations, state, value }) => {
      return { name: alertname, state, labels, annotations, value: Number(value) };
    });
  }

  async brokenRules(): Promise<readonly string[]> {
    const { groups } = await this.#ask("rules");
    return groups
      .flatMap(({ rules }) => rules)
      .filter(({ health }) => health === "err")
      .map(({ name, lastError }) => `${name}: ${lastError}`);
  }

  async #ask<K extends keyof Answers>(
    what: K,
    parameters: Readonly<Record<string, string>> = {},
  ): Promise<Answers[K]> {
    const response = await fetch(`${this.url}/api/v1/${what}?${new URLSearchParams(parameters)}`);
    const { data, error } = (await response.json()) as { data: Answers[K]; error?: string };
    if (error !== undefined) throw new Error(`${parameters["query"] ?? what}: ${error}`);
    return data;
  }
}
