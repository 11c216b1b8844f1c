import type { Place } from "../../config/endpoint.ts";
import type { Target } from "../../routing/route.ts";
import type { Inquiry } from "./inquiry.ts";

/** One server of the cluster, as its topology tells. */
export interface Member extends Place {
  /** What it is said to be; `undefined`: nobody says. */
  readonly role: Target | undefined;
  /** How far it is said to be behind the writer, in milliseconds; `undefined`: not known. */
  readonly lagMillis?: number | undefined;
}

/** What one look at a topology has shown. */
export interface Sighting {
  readonly members: readonly Member[];
  /** Whoever told this knows all servers: one that is not among them is not there any more. */
  readonly complete: boolean;
  /** Members that may be the writer in place of the one that is known. Each is asked. */
  readonly suspects: readonly Place[];
}

/** Something that knows the servers of a cluster. */
export interface Topology {
  /**
   * Looks at it once.
   *
   * @returns `undefined` when nothing was learned
   */
  look(inquiry: Inquiry): Promise<Sighting | undefined>;
}
