import { type RouteHandler, sessionPerRequest } from "pointsman/next";
import { pool } from "@/lib/database.ts";
import { Problem } from "@/lib/problems.ts";

// Who has written something finds it with the next request, whichever process serves that. Browsers
// keep the cookie's secure form over HTTPS alone, which development has not.
const withSession = sessionPerRequest(pool, { secure: process.env["NODE_ENV"] === "production" });

/** A route handler in a session of its own, whose problems become responses. */
export const handler = <Rest extends unknown[]>(work: RouteHandler<Request, Rest>) =>
  withSession(async (request, ...rest: Rest) => {
    try {
      return await work(request, ...rest);
    } catch (error) {
      if (error instanceof Problem) return problem(error.status, error.code, error.message);
      console.error(error);
      return problem(500, "internal", "Something went wrong on our side.");
    }
  });

export const problem = (status: number, error: string, message: string) =>
  Response.json({ error, message }, { status });

/** Sends a browser to the page that shows what it has changed. */
export const seeOther = (path: string) =>
  new Response(null, { status: 303, headers: { location: path } });
