import { Client } from "pg";
import { expect, test, vi } from "vitest";
import { type Reader, type Server, startCluster } from "../src/index.ts";
import { answer, isAlive } from "./helpers.ts";

vi.setConfig({ testTimeout: 90_000 });

test("a server that is shut down tells its clients, and refuses others until it is healed", async () => {
  await using cluster = await startCluster({ readers: 1 });
  for (const [server, endpoint] of [
    [cluster.servers[0] as Server, cluster.writer],
    [cluster.readers[0] as Reader, cluster.reader],
  ] as const) {
    const client = new Client(endpoint.url);
    const code = new Promise((resolve) =>
      client.on("error", (error) => resolve((error as { code?: string }).code)),
    );
    await client.connect();
    await cluster.shutDown(server);
    expect(await code).toBe("57P01");
    expect([server.state, isAlive(server.pid)]).toEqual(["stopped", false]);
    await expect(answer(endpoint.url, "SELECT 1")).rejects.toMatchObject({ code: "ECONNRESET" });
    await expect(cluster.shutDown(server)).rejects.toMatchObject({ code: "NOT_RUNNING" });
    await cluster.heal();
    expect(server.state).toBe("running");
    expect(await answer(endpoint.url, "SHOW cluster_name")).toBe(server.name);
  }
});

test("a restart brings back one that was shut down", async () => {
  await using cluster = await startCluster({ readers: 1 });
  const [writer] = cluster.servers;
  await cluster.shutDown(writer);
  await cluster.restart(writer);
  expect(await answer(writer.url, "SELECT 1")).toBe(1);
  await cluster.waitForReplay();
});
