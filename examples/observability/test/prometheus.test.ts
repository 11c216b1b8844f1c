import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { until } from "../../../packages/pointsman/test/support/waiting.ts";
import { hurriedRules } from "./support/hurried-rules.ts";
import { hasPrometheus, needsPrometheus, startPrometheus } from "./support/prometheus.ts";

const rules = `groups:
  - name: test
    rules:
      - alert: TooHot
        expr: max_over_time(temperature[5m]) > 30
        for: 10m
        labels: { severity: page }
        annotations: { summary: "It is {{ $value }} degrees." }
`;

describe("rules in a hurry", () => {
  it("look back and wait for seconds, and are else the same", () => {
    expect(hurriedRules(rules, 10, 2)).toBe(
      rules.replace("[5m]", "[10s]").replace("for: 10m", "for: 2s"),
    );
  });
});

describe.skipIf(!hasPrometheus)(
  `a Prometheus for tests${hasPrometheus ? "" : ` (${needsPrometheus})`}`,
  () => {
    let service: Server;
    let target: string;
    let degrees = 20;

    beforeAll(async () => {
      service = createServer((_, response) => response.end(`temperature{room="1"} ${degrees}\n`));
      service.listen(0, "127.0.0.1");
      await once(service, "listening");
      target = `127.0.0.1:${(service.address() as AddressInfo).port}`;
    });
    afterAll(() => {
      service.closeAllConnections();
      service.close();
    });

    async function started(text: string) {
      const prometheus = await startPrometheus({ targets: [target], rules: text });
      onTestFinished(() => prometheus.stop());
      return prometheus;
    }

    it("asks its targets, and answers queries", async () => {
      const prometheus = await started(rules);
      await until("there is a temperature", async () => {
        const [sample] = await prometheus.query('temperature{room="1"} * 2');
        return sample?.value === 40 && sample.labels["room"] === "1";
      });
      expect(await prometheus.query("scalar(vector(7))")).toEqual([{ labels: {}, value: 7 }]);
      await expect(prometheus.query("temperature[")).rejects.toThrow("parse error");
      expect(await prometheus.brokenRules()).toEqual([]);
      expect(await prometheus.alerts()).toEqual([]);
      await prometheus.stop();
      await expect(fetch(prometheus.url)).rejects.toThrow();
    });

    it("fires alerts, and lets them fall silent", async () => {
      const prometheus = await started(hurriedRules(rules, 2, 1));
      degrees = 35;
      const alert = await until(
        "the alert fires",
        async () => (await prometheus.alerts()).find(({ state }) => state === "firing"),
        30_000,
      );
      expect(alert).toEqual({
        name: "TooHot",
        state: "firing",
        labels: { severity: "page", instance: target, job: "shop", room: "1" },
        annotations: { summary: "It is 35 degrees." },
        value: 35,
      });
      degrees = 20;
      await until("it is silent", async () => (await prometheus.alerts()).length === 0, 30_000);
    });

    it("says why it has not started", async () => {
      await expect(startPrometheus({ targets: [target], rules: "groups: 7" })).rejects.toThrow(
        /prometheus has ended: .*groups/s,
      );
    });
  },
);
