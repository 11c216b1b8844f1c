import { Line } from "../../src/consistency/line.ts";
import { ReaderGuard } from "../../src/consistency/reader-guard.ts";
import { ServerState } from "../../src/consistency/server-state.ts";
import { WriteWatch } from "../../src/consistency/write-watch.ts";
import { Router } from "../../src/router.ts";
import { readerBehind } from "../../src/servers/companions.ts";
import type { EndpointClient } from "../../src/servers/endpoint-client.ts";
import { isSubmittable } from "../../src/servers/query-input.ts";

/** As if it were taken some statements earlier, when the transaction began: in bytes of WAL. */
const commitBytes = 4096;

/**
 * Ways to break freshness, each of which the checker must find:
 *
 * - `eventual`: no guard at all, by the option for it.
 * - `proof-behind-read`: a reader proves that it is far enough behind the read only; by then it may
 *   have replayed what the read did not see yet.
 * - `no-timeline`: a position is a place in the WAL, whichever timeline it is of.
 * - `writer-reads-not-counted`: what a session has read on the writer does not bind its later reads.
 * - `position-before-commit`: the position of a write is taken before its COMMIT.
 */
export const sabotages = {
  eventual: () => {},

  "proof-behind-read": () => {
    const { attend } = Router.prototype;
    Router.prototype.attend = function (client, call) {
      proveBehind(client);
      return attend.call(this, client, call);
    };
  },

  "no-timeline": () => {
    const { learn } = ServerState.prototype;
    const { attend } = ReaderGuard.prototype;
    ReaderGuard.prototype.attend = function (facts, demand, streams) {
      const timeline = demand.line?.position?.timeline;
      if (this.server !== undefined && timeline !== undefined) this.server.timeline = timeline;
      return attend.call(this, facts, demand, streams);
    };
    ServerState.prototype.learn = function (position) {
      learn.call(this, { ...position, timeline: this.timeline });
    };
  },

  "writer-reads-not-counted": () => {
    const { attend } = WriteWatch.prototype;
    WriteWatch.prototype.attend = function (facts, demand, streams) {
      const reads = facts !== undefined && facts.writes.length === 0;
      return attend.call(this, facts, reads ? { ...demand, session: undefined } : demand, streams);
    };
  },

  "position-before-commit": () => {
    const { cover } = Line.prototype;
    Line.prototype.cover = function (position, mark) {
      cover.call(this, { ...position, at: position.at - commitBytes }, mark);
    };
  },
} as const satisfies Record<string, () => void>;

/** A way to break the library. */
export type Sabotage = keyof typeof sabotages;

export const sabotageNames = Object.keys(sabotages) as Sabotage[];

const spoilt = new WeakSet<EndpointClient>();

/** Lets a connection send the proof behind its read. */
function proveBehind(client: EndpointClient): void {
  if (spoilt.has(client) || !(client.care instanceof ReaderGuard)) return;
  spoilt.add(client);
  const send = client.send.bind(client);
  client.send = (query, values, callback, known, companions) => {
    const proof = companions?.proof;
    if (proof === undefined || proof.first || isSubmittable(query)) {
      return send(query, values, callback, known, companions);
    }
    return send(
      query,
      values,
      (error, result) => {
        client.ask(proof.text, (_error, row) => {
          if (proof.holds(row)) callback?.(error, result);
          else callback?.(readerBehind);
        });
      },
      known,
      undefined,
    );
  };
}
