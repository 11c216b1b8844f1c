import { describe, expect, it } from "vitest";
import { ClusterState } from "../../src/consistency/cluster-state.ts";
import { lagOf } from "../../src/consistency/lag.ts";
import type { Position } from "../../src/consistency/position.ts";
import { ServerState } from "../../src/consistency/server-state.ts";

const at = (lsn: number): Position => ({ maker: "wal", system: "s", timeline: 1, at: lsn });

/** The writer was seen at each of `seen`, as [when, where]; the reader at `reached`, then. */
function lag(
  seen: readonly (readonly [number, number])[],
  [checkedAt, reached]: readonly [number, number],
): number | undefined {
  const cluster = new ClusterState();
  for (const [when, lsn] of seen) cluster.note(at(lsn), when);
  const facts = { run: "r", startedAt: "", maker: "wal", timeline: 1, replays: true } as const;
  const server = new ServerState({ ...facts, segmentBytes: 16 * 1024 * 1024 });
  server.learn(at(reached));
  server.checkedAt = checkedAt;
  return lagOf(cluster, server);
}

describe("how far a reader is behind the writer, when it was asked last", () => {
  it.each([
    ["nothing, when it has all that the writer was seen at", [1_100, 300], 0],
    ["since the writer was where the reader is", [1_150, 100], 150],
    ["not known, when it is further behind than anybody has looked", [1_150, 50], undefined],
  ] as const)("%s", (_, checked, expected) => {
    const seen = [
      [1_000, 100],
      [1_100, 300],
    ] as const;
    expect(lag(seen, checked)).toBe(expected);
  });

  it("is never less than nothing: the writer may have stood still since", () => {
    const seen = [
      [1_000, 100],
      [1_200, 100],
      [1_300, 300],
    ] as const;
    expect(lag(seen, [1_050, 100])).toBe(0);
  });
});
