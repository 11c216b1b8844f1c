import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** A query of Prisma: lazy, it is sent when somebody waits for it. */
export type PrismaQuery<T> = PromiseLike<T>;

/** The queries of one model, with as much of their types as tests of routing need. */
export interface PrismaModel<Row extends object> {
  findUnique(query: object): PrismaQuery<Row | null>;
  findUniqueOrThrow(query: object): PrismaQuery<Row>;
  findFirst(query?: object): PrismaQuery<Row | null>;
  findFirstOrThrow(query?: object): PrismaQuery<Row>;
  findMany(query?: object): PrismaQuery<Row[]>;
  count(query?: object): PrismaQuery<number>;
  aggregate(query: object): PrismaQuery<Record<string, Record<string, number>>>;
  groupBy(query: object): PrismaQuery<Partial<Row>[]>;
  create(query: object): PrismaQuery<Row>;
  createMany(query: object): PrismaQuery<{ count: number }>;
  createManyAndReturn(query: object): PrismaQuery<Row[]>;
  update(query: object): PrismaQuery<Row>;
  updateMany(query: object): PrismaQuery<{ count: number }>;
  upsert(query: object): PrismaQuery<Row>;
  delete(query: object): PrismaQuery<Row>;
  deleteMany(query?: object): PrismaQuery<{ count: number }>;
}

/** What clients of all schemas have. */
export interface PrismaBase<Models> {
  $connect(): Promise<void>;
  $disconnect(): Promise<void>;
  $queryRaw<T = Record<string, unknown>[]>(
    text: TemplateStringsArray,
    ...values: unknown[]
  ): PrismaQuery<T>;
  $queryRawUnsafe<T = Record<string, unknown>[]>(
    text: string,
    ...values: unknown[]
  ): PrismaQuery<T>;
  $executeRaw(text: TemplateStringsArray, ...values: unknown[]): PrismaQuery<number>;
  $executeRawUnsafe(text: string, ...values: unknown[]): PrismaQuery<number>;
  $transaction<T>(work: (tx: PrismaOf<Models>) => Promise<T>, options?: object): Promise<T>;
  $transaction(queries: readonly PromiseLike<unknown>[], options?: object): Promise<unknown[]>;
  /** What an extension makes of the type of a client is the caller's to say. */
  $extends<Extended = PrismaOf<Models>>(extension: unknown): Extended;
}

/** A client: its models by name, and what all clients have. */
export type PrismaOf<Models> = PrismaBase<Models> & Models;

/** What a test uses of a generated client. */
export interface GeneratedPrisma<Models> {
  /** The class of clients, for `new PrismaClient({ adapter: new PrismaPg(pool) })`. */
  readonly PrismaClient: new (options: {
    readonly adapter: object;
    readonly log?: readonly string[];
  }) => PrismaOf<Models>;
  /** The namespace of its errors and types. */
  readonly Prisma: {
    readonly PrismaClientKnownRequestError: new (...args: never[]) => Error & { code: string };
    defineExtension(extension: unknown): unknown;
  };
}

/** Ignored by Git, inside the package: what is generated imports `@prisma/client` from there. */
const folder = fileURLToPath(new URL("../../temp/", import.meta.url));

/**
 * The Prisma client of a schema. It is generated when it is first asked for, and kept for the next
 * run: until the schema or Prisma changes. No engine is fetched: the client needs none.
 *
 * @param models - the models of the schema, in Prisma's language, without generator and datasource
 * @param previewFeatures - those that its generator turns on
 */
export async function generatePrismaClient<Models>(
  models: string,
  previewFeatures: readonly string[] = [],
): Promise<GeneratedPrisma<Models>> {
  const { version } = createRequire(import.meta.url)("prisma/package.json") as { version: string };
  const name = createHash("sha256")
    .update(`${version} ${previewFeatures} ${models}`)
    .digest("hex")
    .slice(0, 16);
  const kept = join(folder, `prisma-${name}`);
  if (!existsSync(kept)) {
    await mkdir(folder, { recursive: true });
    const own = await mkdtemp(join(folder, "generating-"));
    await generateInto(own, models, "client", previewFeatures);
    // Another file may have been faster: then a folder that is not empty is in the way.
    await rename(own, kept).catch(() => rm(own, { recursive: true, force: true }));
  }
  return import(/* @vite-ignore */ join(kept, "client/client.ts")) as Promise<
    GeneratedPrisma<Models>
  >;
}

/**
 * Generates the Prisma client of a schema into a folder, from where `@prisma/client` can be imported.
 *
 * @param output - the name of the client's own folder in that
 * @param previewFeatures - as for {@link generatePrismaClient}
 * @returns the file to import it from
 */
export async function generateInto(
  own: string,
  models: string,
  output = "client",
  previewFeatures: readonly string[] = [],
): Promise<string> {
  const schema = join(own, "schema.prisma");
  await mkdir(own, { recursive: true });
  await writeFile(
    schema,
    `generator client {
  provider = "prisma-client"
  output = "./${output}"
  previewFeatures = ${JSON.stringify(previewFeatures)}
}
datasource db {
  provider = "postgresql"
}
${models}
`,
  );
  await generate(schema, own);
  const client = join(own, output, "client.ts");
  if (!existsSync(client)) throw new Error(`prisma generate has left no ${client}.`);
  return client;
}

/** In the schema's own folder: no configuration of Prisma elsewhere has a say. */
async function generate(schema: string, cwd: string): Promise<void> {
  const command = createRequire(import.meta.url).resolve("prisma/build/index.js");
  await promisify(execFile)(
    process.execPath,
    [command, "generate", "--schema", schema, "--no-hints"],
    {
      cwd,
      env: {
        ...process.env,
        // It looks for this engine, to fetch it if there is none, and does not run it.
        PRISMA_SCHEMA_ENGINE_BINARY: "/bin/true",
        PRISMA_HIDE_UPDATE_MESSAGE: "1",
        CHECKPOINT_DISABLE: "1",
        NO_COLOR: "1",
      },
    },
  );
}
