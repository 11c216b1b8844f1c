import { configuredEndpoints } from "pointsman/endpoints";
import { CannotTell } from "../cannot-tell.ts";
import { reasonOf } from "../errors.ts";
import { type Environment, options } from "../routes/source.ts";
import { Secrets } from "../secrets.ts";
import { type BusyStatement, busiestStatements, type Cost, type Load } from "./busiest.ts";

/**
 * Asks the writer, or the reader where no writer is given, what its statements have taken.
 *
 * @param by - which of them are the first `count`
 * @throws CannotTell
 * @throws ConfigError
 */
export async function statisticsOf(
  environment: Environment,
  count: number,
  by: Cost,
): Promise<{ statements: BusyStatement[]; load: Load }> {
  const endpoints = configuredEndpoints(options, environment);
  const { DATABASE_URL, PGHOST } = environment;
  // A service that writes nothing need not know where the writer is.
  const side = DATABASE_URL || PGHOST ? "writer" : "reader";
  const endpoint = endpoints.find((one) => one.side === side);
  if (endpoint === undefined) {
    throw new CannotTell("There is no database to ask: set DATABASE_URL.");
  }
  const secrets = new Secrets(environment);
  try {
    if (endpoint.auth === undefined) secrets.add(await endpoint.password());
    const client = await endpoint.connect();
    try {
      return await busiestStatements(client, count, by);
    } finally {
      await client.end();
    }
  } catch (error) {
    if (error instanceof CannotTell) throw error;
    throw new CannotTell(
      secrets.hide(
        `The ${side} ${endpoint.name} cannot be reached: ${reasonOf(error)}. pointsman doctor tells more.`,
      ),
    );
  }
}
