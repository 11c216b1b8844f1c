import { setTimeout as delay } from "node:timers/promises";
import { proves } from "../consistency/lag.ts";
import { proofQuestion, readAnswer, writerQuestion } from "../consistency/makers.ts";
import { covers, type Position } from "../consistency/position.ts";
import { ask, type Held, type HeldConnection } from "./held-connection.ts";
import type { ShadowLag } from "./shadow-report.ts";

/** How often a reader is asked whether it has got there, in milliseconds: less and less often. */
const firstPauseMillis = 1;
const longestPauseMillis = 50;
/** How long a measurement says something of now, in milliseconds. */
const holdsMillis = 10_000;
/** How long after one that has failed the next is begun, in milliseconds. */
const retryMillis = 5000;

/** Measures how long what is written takes to reach one reader. */
export class Gauge {
  readonly #endpoint: string;
  readonly #writer: HeldConnection;
  readonly #reader: HeldConnection;
  /** When the writer stood where the reader is to get to, by `performance.now()`. */
  #since: number | undefined;
  #isMeasuring = false;
  #notBefore = 0;
  #lag = 0;
  #measuredAt = Number.NEGATIVE_INFINITY;
  #most: number | undefined;
  #problem: string | undefined;

  constructor(endpoint: string, writer: HeldConnection, reader: HeldConnection) {
    this.#endpoint = endpoint;
    this.#writer = writer;
    this.#reader = reader;
  }

  /** Begins a measurement, unless one is under way. */
  measure(): void {
    if (this.#isMeasuring || performance.now() < this.#notBefore) return;
    this.#isMeasuring = true;
    this.#measureOnce()
      .then(
        () => {
          this.#problem = undefined;
        },
        (error: Error) => {
          this.#problem = error.message;
          this.#notBefore = performance.now() + retryMillis;
        },
      )
      .finally(() => {
        this.#isMeasuring = false;
        this.#since = undefined;
      });
  }

  async #measureOnce(): Promise<void> {
    const [writer, first] = await Promise.all([this.#writer.get(), this.#reader.get()]);
    checkBoth(writer, first);
    const system = writer.introduction.system ?? "";
    const since = performance.now();
    const wanted = await positionOf(writer, system);
    this.#since = since;
    let pause = firstPauseMillis;
    let reader = first;
    while (!(await has(reader, wanted, system))) {
      await delay(pause, undefined, { ref: false });
      pause = Math.min(longestPauseMillis, pause * 1.5);
      const next = await this.#reader.get();
      if (next !== reader) checkBoth(writer, next);
      reader = next;
    }
    this.#measuredAt = performance.now();
    this.#lag = this.#measuredAt - since;
    this.#most = Math.max(this.#most ?? 0, this.#lag);
  }

  /** How long it has taken last, or takes so far; `undefined`: nobody knows. */
  get lagMs(): number | undefined {
    const now = performance.now();
    const soFar = this.#since === undefined ? 0 : now - this.#since;
    const isRecent = now - this.#measuredAt < holdsMillis;
    if (isRecent) return Math.max(this.#lag, soFar);
    return soFar > 0 ? soFar : undefined;
  }

  stats(): ShadowLag {
    const { lagMs } = this;
    const most = lagMs === undefined ? this.#most : Math.max(this.#most ?? 0, lagMs);
    return {
      endpoint: this.#endpoint,
      ...(lagMs === undefined ? {} : { lagMs }),
      ...(most === undefined ? {} : { mostMs: most }),
      ...(this.#problem === undefined ? {} : { problem: this.#problem }),
    };
  }
}

/** @throws Error that says why nothing can be measured between two servers */
function checkBoth(writer: Held, reader: Held): void {
  const [own, other] = [writer.introduction.system, reader.introduction.system];
  if (own !== undefined && other !== undefined && own !== other) {
    throw new Error("It belongs to another cluster than the writer.");
  }
  if (reader.introduction.pooled) {
    throw new Error("It is a pooler in front of servers. Connect to the readers themselves.");
  }
  const { maker } = writer.server;
  if (maker === undefined || !proves(reader.server.maker, { maker })) {
    throw new Error("The servers do not tell how far they are.");
  }
}

/** @throws Error where the writer does not say where it stands */
async function positionOf(writer: Held, system: string): Promise<Position> {
  const question = writerQuestion(writer.server, writer.introduction.pooled);
  const row = question === undefined ? undefined : await ask(writer.client, question);
  const answer = readAnswer(writer.server, system, row);
  if (answer?.position === undefined || answer.replays) {
    throw new Error("The writer does not tell where it is.");
  }
  return answer.position;
}

/** Whether a reader has come to a position. */
async function has({ client, server }: Held, wanted: Position, system: string): Promise<boolean> {
  const row = await ask(client, proofQuestion(server, wanted));
  const answer = readAnswer(server, system, row, wanted);
  if (answer?.position !== undefined) server.learn(answer.position);
  return covers(answer?.position, wanted);
}
