import { PointsmanError } from "../errors.ts";
import type { Target } from "../routing/route.ts";
import { waitUntil } from "./wait-until.ts";

/** Both sides must be servers of one database cluster: its system identifier tells. */
export class ClusterIdentity {
  #writer: string | undefined;
  readonly #readers = new Map<string, string>();
  readonly #askWriter: () => Promise<void>;
  readonly #patienceMillis: number;
  #asking: Promise<void> | undefined;
  #hasWaited = false;
  #problem: PointsmanError | undefined;

  /**
   * @param askWriter - connects to the writer beside the caller's path to learn it; never rejects
   * @param patienceMillis - how long the first read may wait until that is known
   */
  constructor(askWriter: () => Promise<void>, patienceMillis: number) {
    this.#askWriter = askWriter;
    this.#patienceMillis = patienceMillis;
  }

  /**
   * Learns which cluster a new connection has reached.
   *
   * @param identifier - its system identifier; `undefined` where the user may not ask
   * @throws PointsmanError `READER_OF_ANOTHER_CLUSTER` when it is a reader's and not the writer's
   */
  async learn(side: Target, endpoint: string, identifier: string | undefined): Promise<void> {
    if (identifier === undefined) return;
    if (side === "writer") {
      this.#writer = identifier;
    } else {
      this.#readers.set(endpoint, identifier);
      if (this.#writer === undefined) await this.#firstAnswer();
    }
    this.#problem = this.#findProblem();
    if (side === "reader" && this.#problem !== undefined) throw this.#problem;
  }

  /**
   * The first connection to a reader waits for the writer's answer, for a moment: reads survive the
   * loss of the writer.
   */
  async #firstAnswer(): Promise<void> {
    this.#asking ??= this.#askWriter().finally(() => {
      this.#asking = undefined;
    });
    if (this.#hasWaited) return;
    await waitUntil(this.#asking, performance.now() + this.#patienceMillis);
    this.#hasWaited = true;
  }

  /** What is wrong with the readers, if anything is. */
  get problem(): PointsmanError | undefined {
    return this.#problem;
  }

  #findProblem(): PointsmanError | undefined {
    if (this.#writer === undefined) return undefined;
    for (const [endpoint, identifier] of this.#readers) {
      if (identifier !== this.#writer) {
        return new PointsmanError(
          "READER_OF_ANOTHER_CLUSTER",
          `The reader ${endpoint} belongs to another database cluster than the writer (system identifiers ${identifier} and ${this.#writer}). Give the reader endpoint of the writer's own cluster.`,
        );
      }
    }
    return undefined;
  }
}
