import { Socket } from "node:net";

/** What listens at a port. */
export type NamesOfPorts = ReadonlyMap<number, string>;

/** TCP sockets of this process: of each kind, what tells one from another. */
export type OpenSockets = ReadonlyMap<string, readonly string[]>;

/** Looks whose sockets are open, and what they lead to. */
export function openSockets(names: NamesOfPorts): OpenSockets {
  const sockets = new Map<string, string[]>();
  for (const handle of activeHandles()) {
    const [kind, one] = describe(handle, names);
    if (kind === undefined) continue;
    sockets.set(kind, [...(sockets.get(kind) ?? []), one]);
  }
  for (const { localPort, remotePort } of unreferenced()) {
    const kind = `an unreferenced client to ${names.get(remotePort) ?? remotePort}`;
    sockets.set(kind, [...(sockets.get(kind) ?? []), `port ${localPort} to ${remotePort}`]);
  }
  return sockets;
}

/** The kinds of which there are more sockets than before, in words. */
export function moreSockets(before: OpenSockets, after: OpenSockets): readonly string[] {
  return [...after]
    .map(([kind, those]) => ({ kind, those, old: before.get(kind)?.length ?? 0 }))
    .filter(({ those, old }) => those.length > old)
    .map(
      ({ kind, those, old }) =>
        `${those.length} of ${kind} are open, ${old} before: ${those.join(", ")}`,
    );
}

function activeHandles(): readonly unknown[] {
  // Undocumented; nothing else tells which object holds a resource.
  return (process as unknown as { _getActiveHandles(): readonly unknown[] })._getActiveHandles();
}

/** A handle in a report of Node. */
interface ReportedHandle {
  readonly type: string;
  readonly is_referenced: boolean;
  readonly localEndpoint?: { readonly port: number } | null;
  readonly remoteEndpoint?: { readonly port: number } | null;
}

/** Sockets that keep no process running: only a report has them. */
function unreferenced(): readonly { readonly localPort: number; readonly remotePort: number }[] {
  const { libuv } = process.report.getReport() as { readonly libuv: readonly ReportedHandle[] };
  return libuv.flatMap(({ type, is_referenced, localEndpoint, remoteEndpoint }) =>
    type === "tcp" && !is_referenced && remoteEndpoint != null
      ? [{ localPort: localEndpoint?.port ?? 0, remotePort: remoteEndpoint.port }]
      : [],
  );
}

/** @returns nothing of what is no TCP socket: pipes to other processes, and what listens */
function describe(
  handle: unknown,
  names: NamesOfPorts,
): readonly [kind: string | undefined, one: string] {
  if (isTcp(handle)) return ["TCP handles that no socket owns", "?"];
  if (!(handle instanceof Socket) || !isTcp(handleOf(handle))) return [undefined, ""];
  const socket = handle;
  const { localPort, remotePort, bytesRead, bytesWritten } = socket;
  const { connecting, destroyed, writableEnded, readableEnded } = socket;
  const { allowHalfOpen } = socket as unknown as { readonly allowHalfOpen: boolean };
  // The relays of a cluster keep the two directions of a connection apart; clients do not.
  const whose = allowHalfOpen ? "a relay" : "a client";
  const [from, to] = [localPort, remotePort].map((port = 0) => names.get(port));
  const way = from === undefined ? `to ${to ?? remotePort}` : `of ${from}`;
  const states = { connecting, destroyed, writableEnded, readableEnded, paused: socket.isPaused() };
  const so = Object.entries(states).flatMap(([state, is]) => (is ? [` ${state}`] : []));
  return [
    `${whose} ${way}`,
    `port ${localPort} to ${remotePort}, ${bytesRead} bytes in, ${bytesWritten} out${so.join("")}`,
  ];
}

function handleOf(socket: Socket): unknown {
  return (socket as unknown as { readonly _handle: unknown })._handle;
}

function isTcp(handle: unknown): boolean {
  return (handle as object | null | undefined)?.constructor.name === "TCP";
}
