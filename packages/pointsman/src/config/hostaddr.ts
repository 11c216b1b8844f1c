import { isIP, Socket } from "node:net";
import type { ClientConfig } from "pg";
import { ConfigError } from "../errors.ts";

/**
 * Makes the sockets of an endpoint whose address was given beside its name, as libpq's `hostaddr`
 * does: they go to the address, and everything else (the certificate, a token) is for the name.
 *
 * @throws ConfigError
 * @see https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNECT-HOSTADDR
 */
export function dialling(option: string, address: string, client: ClientConfig): () => Socket {
  if (isIP(address) === 0) {
    throw new ConfigError(
      option,
      `hostaddr of ${option} must be an IP address; got "${address}". A name belongs into host.`,
    );
  }
  if (client.stream !== undefined) {
    throw new ConfigError(option, `${option} has a hostaddr, and a stream too. Leave one out.`);
  }
  return () => dial(address);
}

/** A socket that goes to an address, whatever host it is told to go to. */
export function dial(address: string): Socket {
  return new DiallingSocket(address);
}

class DiallingSocket extends Socket {
  readonly #address: string;

  constructor(address: string) {
    super();
    this.#address = address;
  }

  /** pg calls this with port and host. */
  override connect(...[port]: unknown[]): this {
    return super.connect({ port: Number(port), host: this.#address });
  }
}
