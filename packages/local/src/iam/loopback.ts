import { Socket } from "node:net";

/**
 * A socket that connects to 127.0.0.1, whatever host it is told. What is built on it, such as the
 * verification of a certificate, still goes by that host.
 *
 * @example
 * new pg.Client({ host: "app.cluster-c0123456789a.eu-west-2.rds.amazonaws.com", stream: loopbackSocket });
 */
export function loopbackSocket(): Socket {
  const socket = new Socket();
  const connect = (port: number): Socket =>
    Reflect.apply(Socket.prototype.connect, socket, [port, "127.0.0.1"]);
  return Object.assign(socket, { connect });
}
