import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { DatabaseError } from "pg";

/** Something that whoever sent the request is told, with the status that says so. */
export class Problem extends Error {
  readonly statusCode: number;
  readonly code: string;

  constructor(statusCode: number, code: string, message: string) {
    super(message);
    this.name = "Problem";
    this.statusCode = statusCode;
    this.code = code;
  }
}

export const notFound = (message: string): Problem => new Problem(404, "not_found", message);
export const conflict = (code: string, message: string): Problem => new Problem(409, code, message);

/** Whether PostgreSQL refused a row for the unique index or key of that name. Kysely hands its errors on. */
export const violates = (error: unknown, constraint: string): boolean =>
  error instanceof DatabaseError && error.code === "23505" && error.constraint === constraint;

/** Whether PostgreSQL refused a row because what it points to does not exist. */
export const pointsNowhere = (error: unknown): boolean =>
  error instanceof DatabaseError && error.code === "23503";

const codes: Readonly<Record<number, string>> = { 413: "too_large", 415: "unsupported_type" };

/** Answers what has failed with `{ error, message }`. */
export function answerProblem(
  error: FastifyError | Problem,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const { statusCode = 500, message } = error;
  if (error instanceof Problem) {
    reply.code(statusCode).send({ error: error.code, message });
  } else if (statusCode < 500) {
    // Fastify's own: what the schemas refuse, a body that is no JSON or too large.
    reply.code(statusCode).send({ error: codes[statusCode] ?? "bad_input", message });
  } else {
    request.log.error(error);
    reply.code(500).send({ error: "internal", message: "Something went wrong on our side." });
  }
}

export function answerNoSuchPage(_request: FastifyRequest, reply: FastifyReply): void {
  reply.code(404).send({ error: "not_found", message: "There is no such page." });
}
