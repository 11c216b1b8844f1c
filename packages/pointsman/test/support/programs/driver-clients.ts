// Uses Clients of pointsman/pg: the process is over when nothing is left to do.
import { Client } from "pointsman/pg";

const [writer, reader, how] = process.argv.slice(2) as [string, string, string];
const open = async (): Promise<Client> => {
  const client = new Client({ connectionString: writer, reader, allowExitOnIdle: true });
  await client.connect();
  await client.query("select 1");
  await client.query("listen news");
  return client;
};
const clients = await Promise.all([open(), open(), open()]);
for (const client of clients) {
  if (how === "unref") client.unref();
  else await client.end();
}
console.log("done");
