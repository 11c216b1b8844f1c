import { AwsPoolConfig } from "aws-advanced-nodejs-wrapper";
import { AwsPgPoolClient } from "aws-advanced-nodejs-wrapper/pg";
import { addressOf } from "./address-of.ts";

/**
 * A pool of aws-advanced-nodejs-wrapper. The dialect of Aurora builds the names of instances from one
 * host pattern with one port for all; here they have one host, and a port each. So it is told of the
 * endpoint only.
 *
 * @param plugins - names with commas between them
 */
export function awsPool(url: string, max: number, plugins: string): AwsPgPoolClient {
  return new AwsPgPoolClient(
    {
      ...addressOf(url),
      dialect: "pg",
      plugins,
    },
    new AwsPoolConfig({ maxConnections: max }),
  );
}
