import { createPool, type Pool, type PoolOptions } from "pointsman";
import { type Sabotage, sabotages } from "./sabotage.ts";

/** The endpoints of a process: plain data, so that it can be sent to a thread. */
export interface PoolRequest {
  readonly writer: string;
  /** One reader endpoint, or the readers one by one; none of them for a pool on one server. */
  readonly readers: string | readonly string[];
  readonly sabotage?: Sabotage | undefined;
}

/** Makes a process's pool. A sabotage breaks the library for the whole thread. */
export function makePool({ writer, readers, sabotage }: PoolRequest): Pool {
  if (sabotage !== undefined) sabotages[sabotage]();
  const options: PoolOptions = {
    writer,
    ...(typeof readers === "string" ? { reader: readers } : readers.length > 0 ? { readers } : {}),
    writerPool: { max: 10 },
    readerPool: { max: 10 },
    ...(sabotage === "eventual" ? { consistency: "eventual" } : {}),
  };
  return createPool(options);
}
