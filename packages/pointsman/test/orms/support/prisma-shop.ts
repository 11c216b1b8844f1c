import { randomUUID } from "node:crypto";
import { PrismaPg } from "@prisma/adapter-pg";
import { createPool, type Pool, type PoolOptions } from "pointsman";
import { onTestFinished } from "vitest";
import {
  generatePrismaClient,
  type PrismaModel,
  type PrismaOf,
} from "../../support/prisma-client.ts";
import { showing } from "./library.ts";

export interface Author {
  readonly id: number;
  readonly name: string;
  readonly books?: readonly Book[];
}

export interface Book {
  readonly id: number;
  readonly title: string;
  readonly authorId: number;
  readonly author?: Author;
}

interface Models {
  readonly author: PrismaModel<Author>;
  readonly book: PrismaModel<Book>;
  readonly note: PrismaModel<{ id: number; tenant: string; body: string }>;
}

/** A client of the shop, or what it gives to an interactive transaction. */
export type Shop = PrismaOf<Models>;

/** The shop in Prisma's language. `relationJoins` lets a query say how it loads relations. */
const models = `
model Author {
  id    Int    @id @default(autoincrement())
  name  String @unique
  books Book[]
  @@map("authors")
}
model Book {
  id       Int    @id @default(autoincrement())
  title    String
  authorId Int    @map("author_id")
  author   Author @relation(fields: [authorId], references: [id])
  @@map("books")
}
model Note {
  id     Int    @id @default(autoincrement())
  tenant String
  body   String
  @@map("notes")
}`;

export const { PrismaClient, Prisma } = await generatePrismaClient<Models>(models, [
  "relationJoins",
]);

type AdapterOptions = ConstructorParameters<typeof PrismaPg>[1];

/** The shop through a pool, both of which are ended when the test is over. */
export function openPrisma(
  options: PoolOptions,
  adapterOptions: AdapterOptions = {},
): { prisma: Shop; pool: Pool } {
  const pool = createPool(options);
  const adapter = new PrismaPg(pool, { disposeExternalPool: true, ...adapterOptions });
  const prisma = new PrismaClient({ adapter });
  onTestFinished(() => prisma.$disconnect());
  return { prisma, pool };
}

/** An author whom no other test has. */
export const newAuthor = (prisma: Pick<Shop, "author">): PromiseLike<Author> =>
  prisma.author.create({ data: { name: `Author ${randomUUID()}` } });

export const shows = showing({
  name: "Prisma",
  packageName: "@prisma/client",
  through: "createPool()",
  without: {
    streaming: "It has no streams.",
    migrations: "They are made by an engine that takes a URL, and no pool.",
  },
});
