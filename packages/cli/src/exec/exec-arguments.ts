import { basename } from "node:path";
import { Mistake, readable } from "../command-line/description.ts";
import { exitStatuses } from "../exit-status.ts";

export interface ExecCommand {
  readonly kind: "exec";
  readonly side: "writer" | "reader";
  /** Which of several readers, counted from 1. */
  readonly readerIndex: number;
  readonly program: string;
  readonly args: readonly string[];
  /** Whether the URL is read by Prisma's own engine, which has its own parameters for TLS. */
  readonly prisma: boolean;
}

export const execArguments = readable(
  {
    name: "exec",
    inShort: "run a program against one endpoint",
    summary:
      "run a program (psql, pg_dump, a migration tool) against the writer or a reader, with a fresh password or token in its environment",
    usage: ["[options] -- program [arguments]"],
    about: [
      "Runs a program against one endpoint of the database. It finds the endpoint and a fresh password or token in its environment: DATABASE_URL, PGHOST, PGPORT, PGUSER, PGDATABASE, PGPASSWORD, PGSSLMODE, PGSSLROOTCERT. It does not see DATABASE_READER_URL and DATABASE_AUTH, so what it writes reaches that endpoint only.",
    ],
    operands: "program",
    options: {
      writer: { type: "boolean", says: "the writer's endpoint (default)" },
      reader: { type: "boolean", says: "the reader's endpoint" },
      "reader-index": {
        type: "string",
        value: "N",
        completes: "nothing",
        says: "one of several readers, counted from 1",
      },
      prisma: {
        type: "boolean",
        says: "write DATABASE_URL with the parameters for TLS that Prisma has, as is done for prisma and npx prisma: give it for scripts that run Prisma",
      },
    },
    environment: [
      ["DATABASE_URL", "the writer"],
      ["DATABASE_READER_URL", "the reader, or readers with commas between them"],
      ["DATABASE_AUTH", "iam: log in with tokens of AWS IAM"],
    ],
    exitStatuses: exitStatuses.exec,
    examples: [
      "pointsman exec -- psql",
      "pointsman exec -- npx prisma migrate deploy",
      "pointsman exec --reader -- pg_dump --schema-only",
    ],
  },
  ({ values, operands }): ExecCommand => {
    const { writer, reader = false, "reader-index": index, prisma = false } = values;
    if (writer && (reader || index !== undefined)) {
      throw new Mistake("--writer and --reader are different endpoints: give one of them.");
    }
    if (index !== undefined && !/^[1-9]\d{0,3}$/.test(index)) {
      throw new Mistake(
        `--reader-index takes a number that counts from 1, not ${JSON.stringify(index)}.`,
      );
    }
    const [program, ...args] = operands;
    if (program === undefined || program === "") {
      throw new Mistake("There is no program to run: put one behind --.");
    }
    return {
      kind: "exec",
      side: reader || index !== undefined ? "reader" : "writer",
      readerIndex: Number(index ?? 1),
      program,
      args,
      prisma: prisma || isPrisma(program, args),
    };
  },
);

/** What runs the programs of packages: the name of one is among its arguments. */
const runners = new Set(["npx", "npm", "pnpm", "pnpx", "yarn", "bun", "bunx"]);

function isPrisma(program: string, args: readonly string[]): boolean {
  const name = basename(program);
  return name === "prisma" || (runners.has(name) && args.some((arg) => /^prisma(@|$)/.test(arg)));
}
