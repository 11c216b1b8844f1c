import { readFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { TLSSocket } from "node:tls";

const read = (name: string) => readFileSync(new URL(`./tls/${name}`, import.meta.url), "utf8");

/** The certificate of the relay, for `localhost`, signed by itself. */
export const certificate = read("certificate.pem");

const tlsRequest = 80877103;
const cancelRequest = 80877102;

/** Speaks PostgreSQL's TLS start-up on loopback and passes what is inside on to a server. */
export interface TlsRelay {
  readonly port: number;
  /** Cancel requests that came over TLS, and those that came in the clear. */
  readonly cancels: { tls: number; plain: number };
  close(): Promise<void>;
}

export async function startTlsRelay(target: { host: string; port: number }): Promise<TlsRelay> {
  const cancels = { tls: 0, plain: 0 };
  const sockets = new Set<Socket>();
  const key = read("key.pem");
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("data", (first) => {
      if (first.readInt32BE(4) !== tlsRequest) {
        if (first.readInt32BE(4) === cancelRequest) cancels.plain += 1;
        socket.destroy();
        return;
      }
      socket.write("S");
      const secure = new TLSSocket(socket, { isServer: true, key, cert: certificate });
      secure.on("error", () => socket.destroy());
      secure.once("data", (inside) => {
        if (inside.readInt32BE(4) === cancelRequest) cancels.tls += 1;
        const upstream = connect(target.port, target.host);
        sockets.add(upstream);
        upstream.on("error", () => secure.destroy());
        upstream.on("close", () => secure.end());
        secure.on("close", () => upstream.end());
        upstream.write(inside);
        secure.pipe(upstream).pipe(secure);
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    cancels,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
