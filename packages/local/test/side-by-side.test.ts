import { expect, test } from "vitest";
import { startCluster } from "../src/index.ts";
import { answer } from "./helpers.ts";

const IDENTIFIER = "SELECT system_identifier::text FROM pg_control_system()";

test("two clusters started at the same time are two systems that do not know each other", async () => {
  const [one, two] = await Promise.all([startCluster(), startCluster()]);
  try {
    const identifiers = async (cluster: typeof one) =>
      Promise.all(cluster.servers.map(({ url }) => answer(url, IDENTIFIER)));
    const [ofOne, ofTwo] = [await identifiers(one), await identifiers(two)];
    expect(new Set(ofOne).size).toBe(1);
    expect(new Set(ofTwo).size).toBe(1);
    expect(ofOne[0]).not.toBe(ofTwo[0]);

    await answer(one.writer.url, "CREATE TABLE only_here ()");
    await Promise.all([one.waitForReplay(), two.waitForReplay()]);
    const present = "SELECT to_regclass('only_here') IS NOT NULL";
    expect(await answer(one.reader.url, present)).toBe(true);
    expect(await answer(two.reader.url, present)).toBe(false);

    await one.stop();
    await answer(two.writer.url, "CREATE TABLE still_here ()");
    await two.waitForReplay();
    expect(await answer(two.reader.url, "SELECT to_regclass('still_here') IS NOT NULL")).toBe(true);
  } finally {
    await Promise.all([one.stop(), two.stop()]);
  }
});
