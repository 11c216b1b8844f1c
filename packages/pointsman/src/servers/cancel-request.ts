import { connect as connectSocket, isIP, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import type { ClientBase } from "pg";
import { secureOptions } from "../auth/secure-options.ts";
import { internals } from "./pg-internals.ts";

/** How long a cancel request may take before it is given up, in milliseconds. */
const deadlineMillis = 5000;

const cancelCode = 80877102;
const tlsCode = 80877103;

interface ConnectedClient {
  readonly host?: string;
  readonly port?: number;
  readonly ssl?: boolean | ConnectionOptions;
  readonly connection?: { readonly stream?: Socket & { readonly encrypted?: boolean } };
}

/**
 * Asks the server to cancel what a connection is running, at the very address that its socket has
 * reached (behind an endpoint the next connection may reach another server, where the same process
 * id is a stranger's), over TLS when the connection uses it.
 *
 * @returns when the server has closed the request's connection, which it does after it has sent
 * the signal: from then on the cancellation cannot hit a later statement. Never rejects; a request
 * that cannot be delivered leaves the statement running.
 */
export function requestCancel(client: ClientBase): Promise<void> {
  const { host, port, ssl, connection } = client as unknown as ConnectedClient;
  const { processID, secretKey } = internals(client);
  const stream = connection?.stream;
  if (stream === undefined || processID == null || secretKey == null) return Promise.resolve();
  return new Promise((resolve) => {
    const socket =
      stream.remoteAddress === undefined
        ? connectSocket(`${host}/.s.PGSQL.${port}`)
        : connectSocket(stream.remotePort ?? 5432, stream.remoteAddress);
    const over = (): void => {
      socket.destroy();
      resolve();
    };
    socket.setTimeout(deadlineMillis, over);
    socket.on("error", over);
    socket.on("close", over);
    // It is the server's to close: PgBouncer drops the request of a client that has hung up.
    socket.on("connect", () => {
      const request = message(cancelCode, processID, secretKey);
      if (stream.encrypted === true) sendOverTls(socket, host, ssl, request, over);
      else socket.write(request);
    });
  });
}

function sendOverTls(
  socket: Socket,
  host: string | undefined,
  ssl: ConnectedClient["ssl"],
  request: Buffer,
  failed: () => void,
): void {
  socket.write(message(tlsCode));
  socket.once("data", (answer) => {
    if (answer.toString("latin1") !== "S") {
      failed();
      return;
    }
    const secure = connectTls({
      ...(typeof ssl === "object" ? secureOptions(ssl) : {}),
      socket,
      ...(host === undefined ? {} : { host }),
      ...(host === undefined || isIP(host) !== 0 ? {} : { servername: host }),
    });
    secure.on("error", failed);
    secure.on("secureConnect", () => secure.write(request));
    secure.on("close", failed);
  });
}

/** A message of PostgreSQL's start-up: its own length, then 32-bit numbers. */
function message(...numbers: readonly number[]): Buffer {
  const buffer = Buffer.alloc(4 + 4 * numbers.length);
  buffer.writeInt32BE(buffer.length, 0);
  numbers.forEach((number, index) => {
    buffer.writeInt32BE(number | 0, 4 + 4 * index);
  });
  return buffer;
}
