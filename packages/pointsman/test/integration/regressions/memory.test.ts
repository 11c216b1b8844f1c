import { expect, it } from "vitest";
import { resolveConfig } from "../../../src/config/config.ts";
import { Freshness } from "../../../src/consistency/freshness.ts";
import { Router } from "../../../src/router.ts";
import type { Sides } from "../../../src/servers/sides.ts";
import { annotatedClassifier } from "../../../src/statements/classify.ts";

it("remembers refused texts within a bound in bytes", () => {
  const config = resolveConfig({ writer: "postgres://app@db.example.com/shop" }, {});
  const freshness = new Freshness(config.freshness, config.writer, 0, {
    askWriter: async () => undefined,
    idleReaders: () => [],
    withoutPositions: () => {},
    pooled: () => {},
    promoted: () => {},
    processPositionCosts: () => {},
  });
  const router = new Router({ lanes: {} } as Sides, annotatedClassifier(), config, freshness, {});
  const length = 100_000;
  for (let n = 0; n < 500; n++) {
    const call = router.call(`select ${n} /* ${"x".repeat(length)} */`, undefined, undefined);
    const route = router.afterRefusal(call.text, new Error("refused"));
    router.answered(call, route, undefined, undefined);
  }
  expect(router.refusals).toBe(500);
  expect(router.refusedTexts).toBeGreaterThan(0);
  expect(router.refusedTexts * length).toBeLessThan(16 * 1024 * 1024);
});
