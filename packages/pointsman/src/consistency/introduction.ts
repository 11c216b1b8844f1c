import type { EndpointClient } from "../servers/endpoint-client.ts";
import { internals, isUsable } from "../servers/pg-internals.ts";
import type { Row } from "../servers/question.ts";
import { walQuestion, xidProbe } from "./makers.ts";
import type { Position } from "./position.ts";
import type { PositionSource } from "./settings.ts";

/** What a server says of itself on a new connection. */
export interface Introduction {
  /** The cluster's system identifier; `undefined` where it may not be asked. */
  readonly system: string | undefined;
  /** Tells servers, and starts of one server, apart. */
  readonly run: string;
  /** When it was started, in seconds since 1970: the same by whichever of its addresses it is reached. */
  readonly startedAt: string;
  readonly replays: boolean;
  readonly isAurora: boolean;
  readonly segmentBytes: number;
  /** Who answers is not who was logged in to: a pooler gives each transaction to any server. */
  readonly pooled: boolean;
}

const questionAbout = (system: string): string => `select ${system},
 pg_catalog.pg_is_in_recovery(),
 pg_catalog.pg_postmaster_start_time()::text || ' ' || coalesce(pg_catalog.host(pg_catalog.inet_server_addr()) || ':' || pg_catalog.inet_server_port()::text, ''),
 pg_catalog.current_setting('rds.extensions', true),
 pg_catalog.pg_size_bytes(pg_catalog.current_setting('wal_segment_size'))::text,
 pg_catalog.pg_backend_pid()::text,
 extract(epoch from pg_catalog.pg_postmaster_start_time())::text`;

/**
 * Asks the server behind a new connection who it is.
 *
 * @returns `undefined` where it does not say
 * @throws what the connection fails with
 */
export async function introduce(client: EndpointClient): Promise<Introduction | undefined> {
  const control = "(select system_identifier::text from pg_catalog.pg_control_system())";
  const row =
    (await answerOf(client, questionAbout(control))) ??
    (await answerOf(client, questionAbout("null")));
  if (row === undefined) return undefined;
  const [system, recovery, run, extensions, segmentBytes, backend, startedAt] = row;
  return {
    system: system ?? undefined,
    run: `${system ?? ""} ${run}`,
    startedAt: startedAt ?? "",
    replays: recovery === "t",
    isAurora: extensions?.includes("aurora_stat_utils") === true,
    segmentBytes: Number(segmentBytes),
    pooled: isPooled(client, Number(backend)),
  };
}

/** A pooler logs in by itself, and what it hands on as the process to be cancelled is its own. */
function isPooled(client: EndpointClient, backend: number): boolean {
  const { processID } = internals(client);
  if (typeof processID === "number" && processID !== backend) return true;
  return /\.proxy-[^.]+\..*\.amazonaws\.com(\.cn)?:\d+( |$)/.test(client.endpointName);
}

/**
 * Finds out which positions a server knows, by asking it once. Aurora is not asked for what it is
 * known to refuse.
 */
export async function probe(
  client: EndpointClient,
  { isAurora }: Introduction,
  source: PositionSource,
): Promise<{ readonly maker: Position["maker"] | undefined; readonly timeline: number }> {
  if (source === "time-window") return { maker: undefined, timeline: 0 };
  const wal = isAurora ? undefined : await answerOf(client, walQuestion);
  const timelineOfWal = Number(wal?.[2] ?? 0);
  if (wal !== undefined && wal[1] !== null && source !== "transaction-id") {
    return { maker: "wal", timeline: timelineOfWal };
  }
  if (source === "wal") return { maker: undefined, timeline: 0 };
  const xid = await answerOf(client, xidProbe);
  if (xid === undefined) return { maker: undefined, timeline: 0 };
  return { maker: "xid", timeline: Math.max(timelineOfWal, Number(xid[2] ?? 0)) };
}

/**
 * The answer to a question; `undefined` where the server refuses to give one.
 *
 * @throws what the connection fails with
 */
function answerOf(client: EndpointClient, text: string): Promise<Row | undefined> {
  return new Promise((resolve, reject) => {
    client.ask(text, (error, row) => {
      if (error !== undefined && !isUsable(client)) reject(error);
      else resolve(error === undefined ? row : undefined);
    });
  });
}
