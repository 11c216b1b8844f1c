import type { Target } from "../routing/route.ts";
import type { EndpointClient } from "../servers/endpoint-client.ts";
import type { Catalog } from "./catalog.ts";
import { type CatalogReading, readCatalog } from "./catalog-reader.ts";

/** How a server is looked at: on a connection of its own, which is closed again. */
export type LookAt = (
  side: Target,
  see: (client: EndpointClient) => Promise<CatalogReading | undefined>,
) => Promise<CatalogReading | "unchanged" | undefined>;

/** What is known of the database besides the texts that are sent to it. */
export interface CatalogStats {
  /** When it was read last, in milliseconds since 1970; absent: not yet. */
  readonly readAt?: number;
  /** Something has changed since: until it is read again unknown functions are the writer's. */
  readonly doubtful: boolean;
  /** How often it was read as a whole, and how often that was tried in vain. */
  readonly reads: number;
  readonly failures: number;
}

/** How soon it is looked at after something was changed, or may have been, in milliseconds. */
const soon = 20;
/** The least time between two looks because of what may have been. */
const pause = 1000;
/** How soon it is looked at again that could not be, while it is doubtful. */
const retry = 5000;
/** The longest time that a timer can have, in milliseconds. */
const longTime = 2 ** 31 - 1;

/** Keeps what is known of a database up to date, beside its callers. */
export class CatalogWatch {
  #reads = 0;
  #failures = 0;
  #readAt: number | undefined;
  readonly #catalog: Catalog;
  readonly #look: LookAt;
  readonly #refreshMillis: number | undefined;
  readonly #close: () => void;
  #mark: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #looking: Promise<void> | undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;
  /** What was read since may lack a change that was made through this pool. */
  #isBehind = false;
  /** It is to be looked at again once this look is over. */
  #isWanted = false;
  #ended = false;

  /**
   * @param refreshMillis - how often it is looked at, whatever happens; `undefined`: only when
   * somebody wants to know
   * @param close - gives up a look that is under way
   */
  constructor(
    catalog: Catalog,
    look: LookAt,
    refreshMillis: number | undefined,
    close: () => void,
  ) {
    this.#catalog = catalog;
    this.#look = look;
    this.#refreshMillis = refreshMillis;
    this.#close = close;
  }

  /** A connection is opened: the database can be reached, and there is somebody to know it for. */
  begin(): void {
    if (this.#refreshMillis === undefined) return;
    const isOld = performance.now() - this.#lookedAt > this.#refreshMillis;
    if (isOld || this.#mark === undefined) this.#lookIn(soon);
  }

  /** Resolves once what is known is as good as it gets now; it is looked at for that, if need be. */
  async settled(): Promise<void> {
    if (this.#ended) return;
    const isKept = this.#refreshMillis !== undefined && this.#mark !== undefined;
    if (!isKept || this.#catalog.isDoubtful) this.#lookNow();
    if (this.#looking === undefined) return;
    // A look keeps no process running; who waits for it does.
    const waiting = setInterval(() => {}, longTime);
    try {
      while (this.#looking !== undefined) await this.#looking;
    } finally {
      clearInterval(waiting);
    }
  }

  /** A statement that changes the schema is about to be sent. */
  changing(): void {
    this.#isBehind = true;
    this.#catalog.doubt();
    this.#lookIn(retry);
  }

  /** The same statement, or its transaction, is over. */
  changed(): void {
    this.changing();
    this.#lookIn(soon);
  }

  /** Something says that what is known may be out of date. */
  suspect(): void {
    this.#lookIn(Math.max(soon, this.#lookedAt + pause - performance.now()));
  }

  stats(): CatalogStats {
    return {
      ...(this.#readAt === undefined ? {} : { readAt: this.#readAt }),
      doubtful: this.#catalog.isDoubtful,
      reads: this.#reads,
      failures: this.#failures,
    };
  }

  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#close();
  }

  #lookIn(millis: number): void {
    if (this.#refreshMillis === undefined) return;
    const at = performance.now() + millis;
    if (this.#ended || at >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = at;
    this.#timer = setTimeout(() => this.#lookNow(), millis).unref();
  }

  #lookNow(): void {
    clearTimeout(this.#timer);
    this.#timerAt = Number.POSITIVE_INFINITY;
    if (this.#looking !== undefined) {
      // That may have been asked before what this is for.
      this.#isWanted = true;
      return;
    }
    this.#isWanted = false;
    this.#looking = this.#refresh().finally(() => {
      this.#looking = undefined;
      if (this.#isWanted) this.#lookNow();
      else this.#lookIn(this.#catalog.isDoubtful ? retry : (this.#refreshMillis ?? retry));
    });
  }

  async #refresh(): Promise<void> {
    this.#lookedAt = performance.now();
    // What was changed through this pool is on the writer, and may not be on a reader yet.
    const isBehind = this.#isBehind;
    this.#isBehind = false;
    const found = await this.#look(isBehind ? "writer" : "reader", (client) =>
      readCatalog(client, this.#catalog.rules, this.#mark),
    );
    if (found === undefined) {
      this.#failures += 1;
      this.#isBehind ||= isBehind;
      return;
    }
    if (found !== "unchanged") {
      this.#mark = found.mark;
      this.#readAt = Date.now();
      this.#reads += 1;
      this.#catalog.learn(found.database);
    }
    // What is changed meanwhile may not be in what was read.
    if (this.#isBehind) this.#catalog.doubt();
    else this.#catalog.confirm();
  }
}
