/** Codes of the process warnings of this library. */
export type WarningCode =
  | "POINTSMAN_READER_UNAVAILABLE"
  | "POINTSMAN_WRITER_LOST"
  | "POINTSMAN_TOPOLOGY_UNKNOWN"
  | "POINTSMAN_TLS_RAISED"
  | "POINTSMAN_NO_POSITIONS"
  | "POINTSMAN_READER_POOLED"
  | "POINTSMAN_PROCESS_POSITION"
  | "POINTSMAN_CATALOG_UNREAD"
  | "POINTSMAN_PREPARED_LOST"
  | "POINTSMAN_TABLE_UNKNOWN"
  | "POINTSMAN_TOKEN_STORE_FAILED"
  | "POINTSMAN_LOGGER_FAILED"
  | "POINTSMAN_COMMENT_FAILED"
  | "POINTSMAN_STATS_SOCKET_FAILED";

/** Emits a warning of the process, as Node's own are. */
export function warn(code: WarningCode, message: string): void {
  process.emitWarning(message, { type: "PointsmanWarning", code });
}
