import { DrizzleQueryError } from "drizzle-orm";
import type { ErrorRequestHandler, RequestHandler } from "express";
import { DatabaseError } from "pg";

/** What a client is told, and the status that says so. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** The refusal of PostgreSQL that is inside an error of Drizzle, if there is one. */
function refusal(error: unknown): DatabaseError | undefined {
  const cause = error instanceof DrizzleQueryError ? error.cause : undefined;
  return cause instanceof DatabaseError ? cause : undefined;
}

/** Whether a row was refused because there is one like it, by the key or index of that name. */
export const isTaken = (error: unknown, name: string): boolean =>
  refusal(error)?.code === "23505" && refusal(error)?.constraint === name;

/** Whether a row was refused because what it refers to is not there. */
export const refersToNothing = (error: unknown): boolean => refusal(error)?.code === "23503";

export const noSuchPage: RequestHandler = () => {
  throw new Problem(404, "not_found", "There is no such page.");
};

const parserCodes: Readonly<Record<number, string>> = { 413: "too_large", 415: "unsupported_type" };

// Express knows by the number of its parameters that it handles errors.
export const answerProblem: ErrorRequestHandler = (error, _request, response, _next) => {
  if (error instanceof Problem) {
    response.status(error.status).json({ error: error.code, message: error.message });
  } else if (error.status >= 400 && error.status < 500) {
    // Of Express and its parser: a body that is no JSON, or too large; a path that is no text.
    const code = parserCodes[error.status] ?? "bad_input";
    response.status(error.status).json({ error: code, message: error.message });
  } else {
    console.error(error);
    const message = "Something went wrong on our side.";
    response.status(500).json({ error: "internal", message });
  }
};
