import { setTimeout as delay } from "node:timers/promises";
import type { PoolClient } from "pg";
import { outcomeQuestion } from "./consistency/makers.ts";
import type { ServerState } from "./consistency/server-state.ts";
import { lostTransaction } from "./lost-statement.ts";
import type { EndpointClient } from "./servers/endpoint-client.ts";
import type { Release, SettlingPool } from "./servers/settling-pool.ts";

/** What became of a write whose connection was lost; `"unknown"`: nobody can tell. */
export type WriteOutcome = "committed" | "aborted" | "unknown";

/** How long a transaction is waited for that the server still works on, in milliseconds. */
const patienceMillis = 5000;
const pauseMillis = 50;

/**
 * Asks the writer what became of a transaction. Only the server that gave the id out, without a
 * restart in between, can tell: another one, or the same after a crash, may have given the same id
 * to another transaction, when the first had not got to it.
 *
 * @param meet - tells which server a connection has reached
 * @throws what a connection to the writer fails with
 */
export async function outcomeOf(
  error: unknown,
  writer: SettlingPool,
  meet: (client: EndpointClient) => Promise<ServerState | undefined>,
): Promise<WriteOutcome> {
  const lost = lostTransaction(error);
  if (lost === undefined) return "unknown";
  const { client, release } = await take(writer);
  try {
    const server = await meet(client);
    if (server !== lost.server || server.timeline !== lost.timeline) return "unknown";
    const deadline = performance.now() + patienceMillis;
    for (;;) {
      const status = await ask(client, outcomeQuestion(lost.id));
      if (status === "committed" || status === "aborted") return status;
      if (status !== "in progress" || performance.now() > deadline) return "unknown";
      await delay(pauseMillis);
    }
  } finally {
    release();
  }
}

function take(writer: SettlingPool): Promise<{ client: EndpointClient; release: Release }> {
  return new Promise((resolve, reject) => {
    writer.acquire((error, client, release) => {
      if (client === undefined) reject(error as Error);
      else resolve({ client: client as PoolClient & EndpointClient, release });
    });
  });
}

function ask(client: EndpointClient, text: string): Promise<string | null | undefined> {
  return new Promise((resolve, reject) => {
    client.ask(text, (error, row) => {
      if (error !== undefined) reject(error);
      else resolve(row?.[0]);
    });
  });
}
