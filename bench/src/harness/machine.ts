import { cpus, totalmem } from "node:os";

/** What the numbers were measured on. */
export interface Machine {
  readonly cpus: number;
  readonly model: string;
  readonly node: string;
  /** Such as "linux x64". */
  readonly platform: string;
  /** Bytes. */
  readonly memory: number;
  /** ISO 8601. */
  readonly date: string;
}

export function describeMachine(): Machine {
  const processors = cpus();
  return {
    cpus: processors.length,
    model: processors[0]?.model.trim() ?? "unknown",
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    memory: totalmem(),
    date: new Date().toISOString(),
  };
}
