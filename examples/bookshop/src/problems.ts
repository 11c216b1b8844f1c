import type { ContentfulStatusCode } from "hono/utils/http-status";
import { PointsmanError } from "pointsman";

/** Something that the caller of the HTTP interface is told, with the status that says so. */
export class Problem extends Error {
  readonly status: ContentfulStatusCode;
  readonly code: string;

  constructor(status: ContentfulStatusCode, code: string, message: string) {
    super(message);
    this.name = "Problem";
    this.status = status;
    this.code = code;
  }
}

export const badInput = (message: string): Problem => new Problem(400, "bad_input", message);
export const notFound = (message: string): Problem => new Problem(404, "not_found", message);
export const conflict = (code: string, message: string): Problem => new Problem(409, code, message);

/** Whether PostgreSQL refused a row because of the unique constraint or index of that name. */
export function violates(error: unknown, constraint: string): boolean {
  return isRefusal(error) && error.code === "23505" && error.constraint === constraint;
}

/** Whether PostgreSQL refused a row because what it points to does not exist. */
export function pointsNowhere(error: unknown): boolean {
  return isRefusal(error) && error.code === "23503";
}

/** Whether this deployment must not write. */
export function isReadOnly(error: unknown): boolean {
  return error instanceof PointsmanError && error.code === "READ_ONLY_MODE";
}

function isRefusal(error: unknown): error is { code: string; constraint?: string } {
  return error instanceof Error && "code" in error;
}
