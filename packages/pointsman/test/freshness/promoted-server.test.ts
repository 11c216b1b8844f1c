import { startCluster } from "@pointsman/local";
import pg from "pg";
import { expect, it } from "vitest";
import {
  proofQuestion,
  readAnswer,
  walQuestion,
  writerQuestion,
} from "../../src/consistency/makers.ts";
import { ServerState } from "../../src/consistency/server-state.ts";

it("R13: a standby whose proof tells of its promotion is not taken for a writer on its old timeline", async () => {
  await using cluster = await startCluster({ readers: 1 });
  const [reader] = cluster.readers;
  if (reader === undefined) throw new Error("There must be a reader.");
  const client = new pg.Client({ connectionString: reader.direct.url });
  await client.connect();
  const ask = async (text: string): Promise<(string | null)[]> => {
    const types = { getTypeParser: () => (value: string) => value };
    const { rows } = await client.query({ text, rowMode: "array", types });
    return rows[0] as (string | null)[];
  };
  const facts = {
    run: "reader1",
    startedAt: "",
    maker: "wal",
    timeline: 1,
    replays: true,
    segmentBytes: 2 ** 24,
  } as const;
  const server = new ServerState(facts);
  const wanted = { maker: "wal", system: "1", timeline: 1, at: 1 } as const;
  const proof = proofQuestion(server, wanted);
  expect(readAnswer(server, "1", await ask(proof), wanted)).toMatchObject({ replays: true });
  expect(server.timelineIsOld).toBe(false);
  // What only a writer is asked a standby refuses.
  const writer = new ServerState({ ...facts, replays: false });
  const asked = writerQuestion(writer, false) ?? "";
  expect(asked).not.toBe(walQuestion);
  await expect(ask(asked)).rejects.toMatchObject({ code: "55000" });

  await cluster.promote(reader);
  // The proof does not ask for the timeline: nobody must take the one that was known for its own.
  expect(readAnswer(server, "1", await ask(proof), wanted)).toEqual({
    position: undefined,
    replays: false,
  });
  expect({ old: server.timelineIsOld, replays: server.replays }).toEqual({
    old: true,
    replays: false,
  });
  // Nor is it asked for its position alone before it has told its timeline, or through a pooler.
  expect(writerQuestion(server, false)).toBe(walQuestion);
  expect(readAnswer(server, "1", await ask(walQuestion))?.position?.timeline).toBe(2);
  expect(server.timelineIsOld).toBe(false);
  expect(writerQuestion(server, true)).toBe(walQuestion);
  const short = writerQuestion(server, false) ?? "";
  expect(short).not.toBe(walQuestion);
  expect(readAnswer(server, "1", await ask(short))?.position).toMatchObject({ timeline: 2 });
  await client.end();
}, 60_000);
