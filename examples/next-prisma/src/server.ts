import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { disconnect } from "@/lib/database.ts";
import { answer, routesIn } from "@/router.ts";

// What `next start` does in an application of Next.js: serves the route handlers in src/app.
const routes = routesIn(new URL("app/", import.meta.url));

async function serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const { method = "GET", headers, url } = incoming;
  const request = new Request(`http://localhost${url}`, {
    method,
    headers: Object.entries(headers).map(([name, value]) => [name, String(value)]),
    ...(method !== "GET" && method !== "HEAD" && { body: Readable.toWeb(incoming) as never }),
    duplex: "half",
  });
  const response = await answer(routes, request);
  outgoing.statusCode = response.status;
  outgoing.setHeaders(response.headers);
  outgoing.end(Buffer.from(await response.arrayBuffer()));
}

const server = createServer((incoming, outgoing) => {
  serve(incoming, outgoing).catch((error) => {
    console.error(error);
    outgoing.writeHead(500).end();
  });
});
server.listen(Number(process.env["PORT"] ?? 3000), () => {
  console.log(`The bookshop is open at http://localhost:${(server.address() as AddressInfo).port}`);
});

// Answers what is under way, and ends the pool then.
let closing = false;
function close(): void {
  if (closing) return;
  closing = true;
  server.close(() => void disconnect());
}
process.on("SIGTERM", close);
process.on("SIGINT", close);
