import {
  type ArgumentsHost,
  Catch,
  type ExceptionFilter,
  HttpException,
  HttpStatus,
  Logger,
} from "@nestjs/common";
import type { Response } from "express";
import { QueryFailedError } from "typeorm";

/** What PostgreSQL says of a statement that it refused. */
interface Refusal {
  readonly code?: string;
  readonly constraint?: string;
}

const refusalOf = (error: unknown): Refusal =>
  error instanceof QueryFailedError ? (error.driverError as Refusal) : {};

/** Whether a row was refused because there is one like it already. */
export function isDuplicate(error: unknown, constraint: string): boolean {
  const refusal = refusalOf(error);
  return refusal.code === "23505" && refusal.constraint === constraint;
}

/** Whether a row was refused because what it points to does not exist. */
export const pointsNowhere = (error: unknown): boolean => refusalOf(error).code === "23503";

/** Statuses whose code says no more than they do. */
const codes: Readonly<Record<number, string>> = {
  400: "bad_input",
  404: "not_found",
  413: "too_large",
};

/** Tells callers what was wrong as `{ error, message }`: `error` is for programs. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  readonly #logger = new Logger("Shop");

  catch(error: unknown, host: ArgumentsHost): void {
    const response = host.switchToHttp().getResponse<Response>();
    const status = statusOf(error);
    if (status >= 500) {
      this.#logger.error(error);
      const message = "Something went wrong on our side.";
      response.status(status).json({ error: "internal", message });
      return;
    }
    response.status(status).json({
      error: codes[status] ?? descriptionOf(error),
      message: (error as Error).message,
    });
  }
}

/** Errors of Express, such as of a body that is too large, have their status in a field. */
function statusOf(error: unknown): number {
  if (error instanceof HttpException) return error.getStatus();
  const { statusCode } = (error ?? {}) as { statusCode?: unknown };
  return typeof statusCode === "number" ? statusCode : HttpStatus.INTERNAL_SERVER_ERROR;
}

/** The second argument of Nest's exceptions: `new ConflictException(message, "out_of_stock")`. */
function descriptionOf(error: unknown): string | undefined {
  const told = error instanceof HttpException ? error.getResponse() : undefined;
  return typeof told === "object" && "error" in told ? String(told.error) : undefined;
}
