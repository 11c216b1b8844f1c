import type { ClientBase, Pool as PgPool, PoolConfig } from "pg";
import type { Config } from "../config/config.ts";
import type { PoolOptions } from "../config/options.ts";
import { Pool } from "../pool.ts";
import { clientsOf, idleClients, removeClient } from "../servers/pg-internals.ts";
import type { SettingsChange } from "../statements/session-settings.ts";
import { closing } from "./closing.ts";
import { SharedNames } from "./shared-names.ts";
import { sharingKey } from "./sharing-key.ts";

/** What one Client has of a pool that it shares with others. */
export interface Lease {
  readonly pool: Pool;
  /** Whether there is one server, whose connections nobody resets. */
  readonly isSingle: boolean;
  /** The prepared statements on its connections. */
  readonly names: SharedNames;
  /** Resolves once a connection has been open; it may be another Client's. */
  reach(): Promise<void>;
  /**
   * A lease of the pool whose connections have these settings, in place of this one, which is over.
   *
   * @returns `undefined` where there are too many kinds of settings; this one goes on
   */
  exchange(settings: readonly SettingsChange[]): Lease | undefined;
  /** Resolves at once, or where it was the last lease of its pool, when that has ended. */
  end(): Promise<void>;
}

/**
 * How many kinds of settings may have a pool of their own, of one configuration. Each has its own
 * connections: Clients with yet other settings keep theirs instead.
 */
const mostVariants = 8;

/** Room for connections that belong to no Client: lanes, and those that are being looked at. */
const placesBeside = 10;

const pools = new Map<string, SharedPool>();

/** Has a Client of this configuration share its pool. */
export function leasePool(options: PoolOptions, config: Config): Lease {
  return leaseOf(sharingKey(options), () => ({ options, config, settings: [] }));
}

interface Recipe {
  readonly options: PoolOptions;
  readonly config: Config;
  readonly settings: readonly SettingsChange[];
  /** The pool without these settings, which lives as long. */
  readonly base?: SharedPool;
}

function leaseOf(key: string, recipe: () => Recipe): Lease {
  let shared = pools.get(key);
  if (shared === undefined) {
    shared = new SharedPool(key, recipe());
    pools.set(key, shared);
  }
  return shared.lease();
}

/** A pool of several Clients, which is ended with the last of them. */
class SharedPool {
  readonly #key: string;
  readonly #recipe: Recipe;
  readonly #ownBase: Lease | undefined;
  readonly #pool: Pool;
  /** One server, or everything on the writer. */
  readonly #isSingle: boolean;
  readonly #names = new SharedNames();
  #leases = 0;
  #variants = 0;
  #reaching: Promise<void> | undefined;
  /** The pools whose `max` nobody has given. */
  readonly #growing: readonly PoolConfig[];
  readonly #sides: readonly (Pick<PoolConfig, "idleTimeoutMillis"> & { readonly side: PgPool })[];

  constructor(key: string, recipe: Recipe) {
    const { options, config, settings, base } = recipe;
    this.#key = key;
    this.#recipe = recipe;
    if (base !== undefined) base.#variants += 1;
    this.#ownBase = base?.lease();
    this.#isSingle = config.shadow || config.readers.length === 0;
    this.#pool = new Pool(settings.length === 0 ? options : withSettings(options, settings));
    this.#growing = this.#unlimited();
    this.#sides = (this.#isSingle ? [this.#pool] : [this.#pool.writer, this.#pool.reader]).map(
      (side) => ({ side, idleTimeoutMillis: side.options.idleTimeoutMillis }),
    );
  }

  lease(): Lease {
    let isOver = false;
    this.#resize(this.#leases + 1);
    const end = async (): Promise<void> => {
      if (isOver) return;
      isOver = true;
      this.#resize(this.#leases - 1);
      if (this.#leases === 0) await this.#end();
    };
    return {
      pool: this.#pool,
      isSingle: this.#isSingle,
      names: this.#names,
      reach: () => this.#reach(),
      exchange: (settings) => {
        const other = this.#variant(settings);
        // Nobody waits for what it leaves behind.
        if (other !== undefined) end().catch(() => {});
        return other;
      },
      end,
    };
  }

  /** A Client finds a place, however many hold a connection: as with pg, nobody waits for another. */
  #resize(leases: number): void {
    this.#leases = leases;
    for (const options of this.#growing) options.max = placesBeside + leases;
    // Where all Clients have gone on to other settings, nobody comes back to what they have left.
    const isLeft = this.#variants > 0 && leases <= this.#variants;
    for (const { side, idleTimeoutMillis = null } of this.#sides) {
      side.options.idleTimeoutMillis = isLeft ? 1 : idleTimeoutMillis;
      if (isLeft) for (const client of idleClients(side)) removeClient(side, client);
    }
  }

  #unlimited(): readonly PoolConfig[] {
    const { max, poolSize, writerPool, readerPool } = this.#recipe.options as PoolOptions & {
      readonly poolSize?: number;
    };
    const { DATABASE_POOL_MAX, DATABASE_READER_POOL_MAX } = process.env;
    if ((max ?? poolSize ?? DATABASE_POOL_MAX) !== undefined) return [];
    const writers = writerPool?.max === undefined;
    const readers = (readerPool?.max ?? DATABASE_READER_POOL_MAX) === undefined;
    if (this.#isSingle) return writers ? [this.#pool.options] : [];
    return [
      ...(writers ? [this.#pool.options, this.#pool.writer.options] : []),
      ...(readers ? [this.#pool.reader.options] : []),
    ];
  }

  #variant(settings: readonly SettingsChange[]): Lease | undefined {
    const base = this.#recipe.base ?? this;
    if (settings.length === 0) return base.lease();
    const key = JSON.stringify([base.#key, ...settings.map(({ text }) => text)]);
    if (!pools.has(key) && base.#variants >= mostVariants) return undefined;
    return leaseOf(key, () => ({ ...base.#recipe, settings, base }));
  }

  /** Those who come at once wait for the same connection; those who come later have seen one. */
  async #reach(): Promise<void> {
    const { readOnly } = this.#recipe.config;
    const side = this.#isSingle ? this.#pool : readOnly ? this.#pool.reader : this.#pool.writer;
    if (this.#reaching === undefined && side.totalCount > 0) return;
    this.#reaching ??= new Promise<void>((resolve, reject) => {
      side.connect((error, client, release) => {
        this.#reaching = undefined;
        if (client === undefined) reject(error);
        else {
          release();
          resolve();
        }
      });
    });
    await this.#reaching;
  }

  async #end(): Promise<void> {
    pools.delete(this.#key);
    const { base } = this.#recipe;
    if (base !== undefined) base.#variants -= 1;
    const closed = this.#sides.flatMap(({ side }) => clientsOf(side).map(closing));
    await this.#pool.end();
    await Promise.all(closed);
    await this.#ownBase?.end();
  }
}

/** The same connections, each with these settings before its first use. */
function withSettings(options: PoolOptions, settings: readonly SettingsChange[]): PoolOptions {
  const { onConnect } = options;
  return {
    ...options,
    onConnect: async (client: ClientBase) => {
      await onConnect?.(client);
      for (const { text } of settings) await client.query(text);
    },
  } as PoolOptions;
}
