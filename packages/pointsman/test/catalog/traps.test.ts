import type { Client } from "pg";
import { describe, expect, it } from "vitest";
import { localCluster } from "../support/local-cluster.ts";
import { rejection } from "../support/waiting.ts";
import { trapSchema, traps } from "./trap-schema.ts";

const local = localCluster({ readers: 1, schema: trapSchema });

const code = (error: Error): string | undefined => (error as { readonly code?: string }).code;

/** Row security does not hold for superusers. */
async function onServer(url: string): Promise<Client> {
  const client = await local.connect(url);
  await client.query("set role plain");
  return client;
}

describe("what the database knows", () => {
  it.each(traps)("$text: $reason", async ({ text, reason }) => {
    const pool = local.pool({ catalog: true });
    const explained = await pool.explain(text);
    expect(explained).toMatchObject({
      reason,
      target: reason === "plain-read" ? "reader" : "writer",
    });
  });

  it.each(["select helper_lock(1)", "select * from the_lock"])(
    "R8: inside a READ ONLY transaction on a reader is not sent what means nothing there: %s",
    async (text) => {
      const pool = local.pool({ catalog: true });
      await pool.explain(text);
      const run = pool.transaction((tx) => tx.query(text), { readOnly: true });
      expect(code(await rejection(run))).toBe("MEANINGLESS_ON_READER");
      // On the writer it means what it says.
      await pool.transaction((tx) => tx.query(text));
    },
  );

  it.each(traps.filter(({ onReader }) => onReader !== "wrong"))(
    "a reader $onReader: $text",
    async ({ text, onReader }) => {
      const [reader] = local.cluster.readers;
      const client = await onServer(reader?.direct.url ?? "");
      if (onReader === "same") await client.query(text);
      else expect(code(await rejection(client.query(text)))).toMatch(/^(25006|0A000)$/);
      const writer = await onServer(local.cluster.writer.url);
      await writer.query(text);
    },
  );
});
