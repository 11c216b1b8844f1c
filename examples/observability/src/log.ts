import type { LogDetails, LogLevel } from "pointsman";

/** Writes a line as collectors of logs take it: one object. `LOG=debug` has more of them. */
export function log(level: LogLevel, message: string, details: LogDetails = {}): void {
  if (level === "debug" && process.env["LOG"] !== "debug") return;
  console.log(JSON.stringify({ at: new Date().toISOString(), level, message, ...details }));
}
