import type { Sample } from "../support/prometheus.ts";
import type { Stage } from "./stage.ts";

/** What can be seen in a panel of the dashboard. */
export interface PanelSign {
  /** Its title. */
  readonly panel: string;
  /** What its lines show then, in words. */
  readonly shows: string;
  /** Whether they do, by what its queries say. */
  readonly when: (samples: readonly Sample[]) => boolean;
}

/** One thing that goes wrong on an operator's afternoon. */
export interface Scenario {
  /** In a sentence. */
  readonly name: string;
  /** What is done to the cluster. */
  readonly broken: string;
  /** Does it. Returns what mends it. */
  readonly break: (stage: Stage) => Promise<() => Promise<void>>;
  /** The alerts that fire. */
  readonly alerts: readonly string[];
  readonly panels: readonly PanelSign[];
  /** Lines that the service writes. */
  readonly log: readonly RegExp[];
  /** What a frame of `pointsman top` shows. */
  readonly top: readonly RegExp[];
  /** What `pointsman doctor` finds; none: that all is well. */
  readonly doctor: readonly RegExp[];
  /** What customers may have been told meanwhile, as `POST 503`; none: that all is well. */
  readonly told: readonly string[];
  /** What is done about it. */
  readonly mended: string;
  /** Lines by which the service tells that it is over. */
  readonly over: readonly RegExp[];
}
