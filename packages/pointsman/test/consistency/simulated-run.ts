import type { Change, Operation, Sight, Write } from "./history.ts";

/** What a lane does next: each is sent, takes effect, and is answered, at three of its turns. */
export type Deed =
  | { readonly kind: "set" | "append"; readonly key: string }
  | { readonly kind: "read"; readonly keys: readonly string[]; readonly lag: number }
  | { readonly kind: "handoff"; readonly from: number };

export interface Turn {
  readonly lane: number;
  readonly deed: Deed;
}

interface Underway {
  readonly invoked: number;
  readonly deed: Deed;
  /** How far the session had seen when the deed was sent. */
  readonly bound: number;
  effect?: Effect;
}

type Effect =
  | { readonly kind: "write"; readonly changes: readonly Change[]; readonly position: number }
  | { readonly kind: "read"; readonly sights: readonly Sight[]; readonly position: number }
  | { readonly kind: "handoff"; readonly from: number; readonly position: number };

/**
 * A writer and copies of it that lag behind by some commits, without any database. Two lanes make a
 * session, so that its operations overlap, too.
 *
 * @param guarded - whether a session only reads from copies that have all it has seen
 */
export function simulate(turns: readonly Turn[], guarded: boolean): Operation[] {
  const log: Change[] = [];
  const positions = new Map<number, number>();
  const lanes = new Map<number, Underway>();
  const history: Operation[] = [];
  let clock = 0;
  for (const { lane, deed } of turns) {
    const session = lane >> 1;
    const underway = lanes.get(lane);
    clock += 1;
    if (underway === undefined) {
      const bound = positions.get(deed.kind === "handoff" ? deed.from : session) ?? 0;
      lanes.set(lane, { invoked: clock, deed, bound });
    } else if (underway.effect === undefined) {
      underway.effect = takeEffect(underway, log, guarded);
    } else {
      const { effect, invoked } = underway;
      positions.set(session, Math.max(positions.get(session) ?? 0, effect.position));
      history.push(operation(effect, { session, process: lane, invoked, completed: clock }));
      lanes.delete(lane);
    }
  }
  // Nobody waits for these any more, but others may have seen them.
  for (const [lane, { effect, invoked }] of lanes) {
    if (effect?.kind !== "write") continue;
    const asked = { session: lane >> 1, process: lane, invoked, completed: ++clock };
    history.push({ kind: "write", changes: effect.changes, ...asked, outcome: "unknown" });
  }
  return history;
}

function takeEffect({ deed, bound }: Underway, log: Change[], guarded: boolean): Effect {
  switch (deed.kind) {
    case "set": {
      const version = versionOf(log, deed.key) + 1;
      const position = log.push({ kind: "set", key: deed.key, version });
      return { kind: "write", changes: log.slice(-1), position };
    }
    case "append": {
      const position = log.push({ kind: "append", key: deed.key, element: log.length });
      return { kind: "write", changes: log.slice(-1), position };
    }
    case "read": {
      const replayed = Math.max(0, log.length - deed.lag);
      const position = guarded ? Math.max(bound, replayed) : replayed;
      const copy = log.slice(0, position);
      return { kind: "read", sights: deed.keys.map((key) => see(copy, key)), position };
    }
    case "handoff":
      return { kind: "handoff", from: deed.from, position: bound };
  }
}

function operation(
  { position: _, ...effect }: Effect,
  asked: Pick<Write, "session" | "process" | "invoked" | "completed">,
): Operation {
  return effect.kind === "write"
    ? { ...effect, ...asked, outcome: "acknowledged" }
    : { ...effect, ...asked };
}

function see(copy: readonly Change[], key: string): Sight {
  if (key.startsWith("r")) return { kind: "version", key, version: versionOf(copy, key) };
  const elements = copy.flatMap((change) =>
    change.kind === "append" && change.key === key ? [change.element] : [],
  );
  return { kind: "elements", key, elements };
}

function versionOf(copy: readonly Change[], key: string): number {
  return copy.filter((change) => change.key === key).length;
}
