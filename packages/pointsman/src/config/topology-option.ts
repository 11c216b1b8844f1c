import type { Resolver } from "node:dns/promises";
import type { InstanceOf } from "./instance-host.ts";

/**
 * How the servers of the cluster become known.
 *
 * - `static`: what is configured is all there is.
 * - `dns`: every address that the names of the endpoints have is a server.
 * - `aurora`: Aurora's status function tells its instances, and which of them is the writer.
 * - `replication`: the writer tells which readers stream from it.
 */
export type TopologyKind = "static" | "dns" | "aurora" | "replication";

/** Details of `topology`. */
export interface TopologyDetails {
  readonly type: TopologyKind;
  /**
   * How often it is looked at while all is well: milliseconds, or `"500ms"`, `"30s"`, `"1m"`. After
   * a failure it is looked at at once. Default: 30 s.
   */
  readonly interval?: number | string | undefined;
  /**
   * Where the server of a name is: the host with `?` in place of the name, with its port where that
   * is not the writer's, or a function, which may return nothing for a name that it does not know.
   * For `aurora` the name is that of the instance; default: as the cluster endpoint has it. For
   * `replication` it is the reader's `application_name`; default: readers that are not configured
   * are not used.
   */
  readonly instance?: string | InstanceOf | undefined;
  /** For `dns`: who is asked for addresses. Default: the system, as for any other connection. */
  readonly resolver?: Pick<Resolver, "resolve4" | "resolve6"> | undefined;
}

/** What the option `topology` takes. */
export type TopologyOption = TopologyKind | TopologyDetails;
