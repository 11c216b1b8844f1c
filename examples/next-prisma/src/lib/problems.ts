import { Prisma } from "@/generated/prisma/client.ts";

/** Something that the caller is told, with the status that says so. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export const badInput = (message: string) => new Problem(400, "bad_input", message);
export const notFound = (message: string) => new Problem(404, "not_found", message);
export const conflict = (code: string, message: string) => new Problem(409, code, message);

const isKnown = (error: unknown, code: string): boolean =>
  error instanceof Prisma.PrismaClientKnownRequestError && error.code === code;

/** Whether a row was refused because there is one like it already. */
export const isDuplicate = (error: unknown): boolean => isKnown(error, "P2002");

/** Whether a row was refused because what it points to does not exist. */
export const pointsNowhere = (error: unknown): boolean => isKnown(error, "P2003");
