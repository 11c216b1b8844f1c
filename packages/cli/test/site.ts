import type { Cluster } from "@pointsman/local";
import { Client } from "pg";
import { tablePatterns } from "pointsman/endpoints";
import { onTestFinished } from "vitest";
import type { Finding } from "../src/doctor/finding.ts";
import { judgeWall } from "../src/doctor/wall/judge-wall.ts";
import { readWall } from "../src/doctor/wall/read.ts";
import { wallScript } from "../src/doctor/wall/script.ts";

/** The URL for another user, whose password is `x`, or the same, and another database. */
export function urlOf(url: string, user: string | undefined, database: string): string {
  const parsed = new URL(url);
  parsed.pathname = `/${database}`;
  if (user !== undefined)
    Object.assign(parsed, { username: encodeURIComponent(user), password: "x" });
  return parsed.href;
}

export async function connected(url: string): Promise<Client> {
  const client = new Client(url);
  await client.connect();
  return client;
}

/** A database of its own, and a role that may log in there. Of a text `SITE` is the role's name. */
export class Site {
  static #count = 0;
  readonly database: string = `shop_${++Site.#count}`;
  readonly role: string;
  readonly cluster: Cluster;
  #admin?: Client;

  private constructor(cluster: Cluster, role: string) {
    this.cluster = cluster;
    this.role = role || `site_${Site.#count}`;
  }

  static async open(cluster: Cluster, setup: string, role = ""): Promise<Site> {
    const site = new Site(cluster, role);
    const client = await connected(cluster.writer.url);
    await client.query(`create database ${site.database}`);
    await client.query(`create role ${site.name} login password 'x'`);
    await client.end();
    site.#admin = await connected(site.urlOfAdmin);
    onTestFinished(async () => {
      await site.#admin?.end();
    });
    // What every role may do by itself differs from version to version.
    await site.admin("revoke create on schema public from public");
    await site.admin(`create table books (id int); insert into books values (1); ${setup}`);
    return site;
  }

  /** Another role in the same database. */
  as(role: string): Site {
    return Object.assign(new Site(this.cluster, role), { database: this.database });
  }

  get name(): string {
    return `"${this.role.replaceAll('"', '""')}"`;
  }

  get url(): string {
    return urlOf(this.cluster.writer.url, this.role, this.database);
  }

  get urlOfAdmin(): string {
    return urlOf(this.cluster.writer.url, undefined, this.database);
  }

  /** Runs it as a superuser. */
  async admin(text: string): Promise<void> {
    await this.#admin?.query(text.replaceAll("SITE", () => this.name));
  }

  /** Runs it as the role, on a connection of its own that would be read-write. */
  async run(text: string): Promise<unknown[][]> {
    const client = await connected(this.url);
    try {
      await client.query("set default_transaction_read_only = off");
      return (await client.query({ text, rowMode: "array" })).rows;
    } finally {
      await client.end();
    }
  }

  /** What the role would be told: nothing, or an SQLSTATE. */
  async refusal(text: string): Promise<string | undefined> {
    try {
      await this.run(text);
      return undefined;
    } catch (error) {
      return (error as { code?: string }).code;
    }
  }

  async examine(allowed: string[] = []): Promise<Finding & { script: string }> {
    const client = await connected(this.url);
    try {
      const facts = await readWall(client, tablePatterns(allowed));
      return { ...judgeWall(facts), script: wallScript(facts, ["here"]) };
    } finally {
      await client.end();
    }
  }
}
