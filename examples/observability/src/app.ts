import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type Pool, WriteOutcomeUnknown } from "pointsman";
import type { Registry } from "prom-client";
import { log } from "./log.ts";
import { book, books, order, placeOrder } from "./shop.ts";

/** The shop over a pool, which stays the caller's to end, with what Prometheus scrapes. */
export function createApp(pool: Pool, register: Registry): Server {
  return createServer((request, response) => {
    answer(pool, register, request, response).catch((error: Error) => {
      log("error", `${request.method} ${request.url}: ${error.message}`);
      if (response.headersSent) response.destroy();
      else if (error instanceof WriteOutcomeUnknown) {
        send(response, 500, {
          error: "Nobody can know whether it was done: look before you repeat.",
        });
      } else send(response, 503, { error: "The shop cannot answer now." });
    });
  });
}

async function answer(
  pool: Pool,
  register: Registry,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = new URL(request.url ?? "/", "http://shop").pathname;
  const asked = `${request.method} ${path}`;
  if (asked === "GET /metrics") {
    response.setHeader("content-type", register.contentType);
    response.end(await register.metrics());
    return;
  }
  if (asked === "GET /books") return send(response, 200, await books(pool));
  const [, number = ""] = /^\w+ \/\w+\/(\d{1,9})$/.exec(asked) ?? [];
  switch (asked) {
    case `GET /books/${number}`:
      return found(response, await book(pool, Number(number)));
    case `POST /orders/${number}`: {
      const taken = await placeOrder(pool, Number(number));
      if (taken === undefined) return found(response, undefined);
      response.setHeader("location", `/orders/${taken}`);
      return send(response, 201, { number: taken });
    }
    case `GET /orders/${number}`:
      return found(response, await order(pool, number));
    default:
      return found(response, undefined);
  }
}

function found(response: ServerResponse, what: object | undefined): void {
  if (what === undefined) send(response, 404, { error: "There is no such page." });
  else send(response, 200, what);
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}
