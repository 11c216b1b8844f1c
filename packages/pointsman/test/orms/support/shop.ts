import { setTimeout as pause } from "node:timers/promises";
import type { PoolOptions } from "pointsman";
import { beforeAll, beforeEach, expect } from "vitest";
import { type LocalCluster, localCluster } from "../../support/local-cluster.ts";
import { type Ran, ranDuring } from "../../support/ran-during.ts";

/** How far readers are behind the writer, in milliseconds. */
export const lag = 300;

/**
 * Authors with books, and the notes of tenants, of which `shopper` sees only those of the tenant in
 * the setting `app.tenant`.
 */
export const schema = `
  create table authors (id serial primary key, name text unique not null);
  create table books (
    id serial primary key, title text not null, author_id int not null references authors);
  create table notes (id serial primary key, tenant text not null, body text not null);
  alter table notes enable row level security;
  create policy own on notes using (tenant = current_setting('app.tenant', true));
  insert into notes (tenant, body) values ('north', 'of north'), ('south', 'of south');
  create role shopper login password 'shopping';
  grant all on all tables in schema public to shopper;
  grant all on all sequences in schema public to shopper;`;

/** Where the servers are, and no catalog, whose own statements would be among those counted. */
export interface Endpoints extends PoolOptions {
  readonly writer: string;
  readonly reader: string;
}

/** A shop on a writer and two readers that lag, and where its statements run. */
export interface Shop extends LocalCluster {
  /** Options for whatever opens the pool: both endpoints, and nothing that asks by itself. */
  options(): Endpoints;
  /** The same as the user `shopper`, for whom row-level security holds. */
  shopperOptions(): Endpoints;
  /** Does something once the readers have caught up, and asserts that all of it ran on them. */
  onReaders<T>(doIt: () => T | Promise<T>): Promise<T>;
  /** Does something, and asserts that all of it ran on the writer. */
  onWriter<T>(doIt: () => T | Promise<T>): Promise<T>;
  /** Does something, and tells what ran where. */
  watch<T>(doIt: () => T | Promise<T>): Promise<{ result: T; ran: Ran }>;
}

/**
 * Starts the shop's cluster for the file that calls this. Each test finds readers that have caught
 * up, and then lag.
 */
export function openShop(): Shop {
  const local = localCluster({ readers: 2, schema });
  beforeAll(() => local.cluster.lag(lag));
  beforeEach(() => local.cluster.waitForReplay());
  return Object.assign(Object.create(local, {}) as LocalCluster, {
    options: () => ({
      writer: local.cluster.writer.url,
      reader: local.cluster.reader.url,
      catalog: false,
    }),
    shopperOptions: () => ({
      writer: asShopper(local.cluster.writer.url),
      reader: asShopper(local.cluster.reader.url),
      catalog: false,
    }),
    async onReaders<T>(doIt: () => T | Promise<T>): Promise<T> {
      await local.cluster.waitForReplay();
      // For a moment the pool goes by what it was told of readers before that.
      await pause(50);
      const { result, ran } = await ranDuring(local.cluster, doIt);
      expect(ran.readers, "what ran on readers").not.toEqual([]);
      expect(ran.writer, "what ran on the writer").toEqual([]);
      return result;
    },
    async onWriter<T>(doIt: () => T | Promise<T>): Promise<T> {
      const { result, ran } = await ranDuring(local.cluster, doIt);
      expect(ran.writer, "what ran on the writer").not.toEqual([]);
      expect(ran.readers, "what ran on readers").toEqual([]);
      return result;
    },
    watch: <T>(doIt: () => T | Promise<T>) => ranDuring(local.cluster, doIt),
  });
}

function asShopper(address: string): string {
  const url = new URL(address);
  url.username = "shopper";
  url.password = "shopping";
  return url.href;
}
