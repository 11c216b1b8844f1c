import { connect, createServer, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type SecureContext, TLSSocket } from "node:tls";
import type { Address } from "../address.ts";
import { BackendKeys } from "../backend-keys.ts";
import { breakOff } from "../break-off.ts";
import { carry } from "../carry.ts";
import { listen } from "../listen.ts";
import { type Counts, noTraffic, TrafficView } from "../traffic.ts";
import type { Gatekeeper } from "./gatekeeper.ts";
import { askForPassword, fatalError, readFirstPacket, readPassword } from "./packets.ts";

/** A server behind the gateway. */
export interface Backend {
  /** Its TCP port, where users log in by themselves. */
  readonly address: Address;
  /** Its UNIX-domain socket, where users with `rds_iam` are let in without further questions. */
  readonly socketPath: string;
  needsToken(user: string): Promise<boolean>;
}

export interface GatewayEndpointParts {
  readonly hostname: string;
  /** 0: any free one. */
  readonly port: number;
  /** Asked once for each connection that gets as far as to log in. */
  readonly target: () => Backend;
  /** Asked once for each new connection that is encrypted. */
  readonly secureContext: () => SecureContext;
  readonly gatekeeper: Gatekeeper;
  /** Default: 60000, as PostgreSQL's own `authentication_timeout`. */
  readonly loginTimeoutMs?: number;
}

const PROTOCOL = "postgresql";
const LOGIN_TIMEOUT_MS = 60_000;

/** A client's connection. */
interface Caller {
  readonly socket: Socket;
  /** What the socket carries, decrypted. */
  readonly stream: Duplex;
  readonly encrypted: boolean;
}

/** A port of 127.0.0.1 that does what an endpoint of RDS does until a client is logged in. */
export class GatewayEndpoint extends TrafficView {
  readonly hostname: string;
  readonly #parts: GatewayEndpointParts;
  readonly #traffic: Counts;
  readonly #keys = new BackendKeys();
  /** All that are open; those of clients with the server that they have been connected to. */
  readonly #sockets = new Map<Socket, Backend | undefined>();
  readonly #server: Server;
  #port = 0;

  private constructor(parts: GatewayEndpointParts) {
    const traffic = noTraffic();
    super(traffic);
    this.#traffic = traffic;
    this.#parts = parts;
    this.hostname = parts.hostname;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      this.#welcome(socket).catch(() => socket.destroy());
    });
  }

  /** @throws ClusterError `PORT_IN_USE` when the port is taken */
  static async listen(parts: GatewayEndpointParts): Promise<GatewayEndpoint> {
    const endpoint = new GatewayEndpoint(parts);
    endpoint.#port = await listen(endpoint.#server, parts.port);
    return endpoint;
  }

  get port(): number {
    return this.#port;
  }

  /** Breaks every connection to a server, with no word of farewell. */
  cut(backend: Backend): void {
    for (const [socket, led] of this.#sockets) {
      if (led === backend) breakOff(socket);
    }
  }

  /** Stops listening and breaks every connection. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      for (const socket of this.#sockets.keys()) socket.destroy();
    });
  }

  async #welcome(socket: Socket): Promise<void> {
    const { gatekeeper } = this.#parts;
    gatekeeper.connections += 1;
    this.#traffic.accepted += 1;
    this.#traffic.connections += 1;
    this.#keep(socket);
    socket.once("close", () => {
      this.#traffic.connections -= 1;
    });
    const late = setTimeout(() => socket.destroy(), this.#parts.loginTimeoutMs ?? LOGIN_TIMEOUT_MS);
    socket.once("close", () => clearTimeout(late));

    let packet = await readFirstPacket(socket);
    if (packet?.kind === "gss-request") {
      socket.write("N");
      packet = await readFirstPacket(socket);
    }
    let caller: Caller | undefined = { socket, stream: socket, encrypted: false };
    if (packet?.kind === "tls" || packet?.kind === "tls-request") {
      caller = await this.#encrypt(socket, packet.kind);
      packet = caller && (await readFirstPacket(caller.stream));
    }
    if (caller !== undefined && packet?.kind === "start-up") {
      if (!caller.encrypted) gatekeeper.plain += 1;
      const server = await this.#logIn(caller, packet.user);
      // Meanwhile the client may have left, or the endpoint been closed.
      if (server === undefined || socket.destroyed) return;
      clearTimeout(late);
      this.#connect(caller, server, packet.bytes);
    } else if (caller !== undefined && packet?.kind === "cancel") {
      this.#cancel(caller, packet.bytes);
    } else {
      socket.destroy();
    }
  }

  /** Encrypts a connection; `undefined` when that does not come about. */
  async #encrypt(socket: Socket, how: "tls" | "tls-request"): Promise<Caller | undefined> {
    if (how === "tls-request") {
      // What came in clear behind the request must not pass for encrypted.
      if (socket.readableLength > 0) return undefined;
      socket.write("S");
    }
    const stream = new TLSSocket(socket, {
      isServer: true,
      secureContext: this.#parts.secureContext(),
      ALPNProtocols: [PROTOCOL],
    });
    stream.on("error", () => socket.destroy());
    const secure = await new Promise<boolean>((resolve) => {
      stream.once("secure", () => resolve(true));
      stream.once("close", () => resolve(false));
      stream.once("end", () => resolve(false));
      // Somebody has to look for the end, or it is not noticed.
      stream.once("readable", () => stream.read(0));
    });
    // Without asking before, PostgreSQL wants to be sure that the client did not mean HTTPS.
    if (!secure || (how === "tls" && stream.alpnProtocol !== PROTOCOL)) return undefined;
    this.#parts.gatekeeper.tls += 1;
    return { socket, stream, encrypted: true };
  }

  /** Lets a user in, to the server that it says; `undefined` when the user is turned away. */
  async #logIn(
    { socket, stream, encrypted }: Caller,
    user: string,
  ): Promise<Destination | undefined> {
    const { gatekeeper, hostname, target } = this.#parts;
    const backend = target();
    const needsToken = await backend.needsToken(user);
    if (!needsToken || !encrypted) {
      // The server turns users with rds_iam away itself here, see HBA_RULES.
      if (needsToken) gatekeeper.refused("plain-text");
      return { backend, at: backend.address };
    }
    stream.write(askForPassword());
    const token = await readPassword(stream);
    if (token === undefined) {
      socket.destroy();
      return undefined;
    }
    if (await gatekeeper.admits(token, { hostname, port: this.#port, user })) {
      return { backend, at: { path: backend.socketPath } };
    }
    stream.end(fatalError("28000", `PAM authentication failed for user "${user}"`));
    return undefined;
  }

  #connect({ socket, stream }: Caller, { backend, at }: Destination, startUp: Buffer): void {
    const server = connect({ ...at, allowHalfOpen: true, noDelay: true });
    this.#keep(server);
    this.#sockets.set(socket, backend);
    const key = this.#keys.learner(backend.address);
    server.on("data", (chunk) => key.read(chunk));
    server.once("close", () => key.forget());
    server.write(startUp);
    this.#traffic.bytesToServer += startUp.length;
    this.#traffic.flights += 1;
    carry(
      { stream, reset: () => breakOff(socket) },
      { stream: server, reset: () => server.destroy() },
      this.#traffic,
    );
  }

  /** Passes a request to cancel on to the server that runs the statement. */
  #cancel({ stream }: Caller, request: Buffer): void {
    const owner = this.#keys.ownerOf(request);
    if (owner === undefined) {
      stream.end();
      return;
    }
    const server = connect(owner);
    this.#keep(server);
    server.resume().end(request);
    // The server says nothing but closes when the request is done, which clients wait for.
    server.once("close", () => stream.end());
  }

  #keep(socket: Socket): void {
    this.#sockets.set(socket, undefined);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => this.#sockets.delete(socket));
  }
}

/** A server, and where to connect to it. */
interface Destination {
  readonly backend: Backend;
  readonly at: Address | { readonly path: string };
}
