// A service of two workers, as node:cluster and PM2's cluster mode run it. It speaks HTTP on any port
// and tells its parent which; "reload" replaces the workers one after another, "stop" ends them all.
import cluster, { type Worker } from "node:cluster";
import { once } from "node:events";
import { createServer } from "node:http";
import { createPool } from "pointsman";

const exits: { code: number; signal: string }[] = [];

async function lead(): Promise<void> {
  const workers = new Set<Worker>();
  const add = async (): Promise<number> => {
    const worker = cluster.fork();
    workers.add(worker);
    worker.once("exit", (code, signal) => {
      workers.delete(worker);
      exits.push({ code, signal });
    });
    const [{ port }] = await once(cluster, "listening").then(([, address]) => [address]);
    return port;
  };
  /** As PM2 reloads: the new one serves before the old one goes. */
  const retire = async (worker: Worker): Promise<void> => {
    const exit = once(worker, "exit");
    worker.disconnect();
    await exit;
  };
  const port = await add();
  await add();
  process.on("message", async (order) => {
    for (const worker of [...workers]) {
      if (order === "reload") await add();
      await retire(worker);
    }
    process.send?.({ done: order, exits });
    if (order === "stop") process.disconnect();
  });
  process.send?.({ port });
}

/** A worker: `POST /?text=` writes a note and answers with a token, `GET /?text=` counts it. */
function work(): void {
  const pool = createPool({ catalog: false, application_name: "worker" });
  const server = createServer(async (request, response) => {
    const text = new URL(request.url ?? "", "http://here").searchParams.get("text");
    const { token } = request.headers;
    try {
      const answer = await pool.session(
        async (session) => {
          if (request.method === "POST") {
            await pool.query("insert into notes (text) values ($1)", [text]);
            return { token: session.token };
          }
          const { rows } = await pool.query(
            "select count(*)::int as count, current_setting('cluster_name') as server from notes where text = $1",
            [text],
          );
          return rows[0];
        },
        typeof token === "string" ? { after: token } : {},
      );
      response.end(JSON.stringify({ ...answer, worker: process.pid }));
    } catch (error) {
      response.statusCode = 500;
      response.end(String(error));
    }
  });
  server.keepAliveTimeout = 1;
  server.listen(0, "127.0.0.1");
  // Nothing else keeps a worker alive: it is over when its pool is.
  process.once("disconnect", () => void pool.end());
}

if (cluster.isPrimary) await lead();
else work();
