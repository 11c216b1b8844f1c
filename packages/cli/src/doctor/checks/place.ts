import { isIP } from "node:net";
import type { ConfiguredEndpoint } from "pointsman/endpoints";

type Place = Pick<ConfiguredEndpoint, "host" | "hostaddr" | "port">;

/** Whether a socket of this machine is meant. */
export const isSocket = ({ host }: Place): boolean => host.startsWith("/");

/** What a socket connects to. */
export function addressOf(
  place: Place,
): { readonly path: string } | { readonly host: string; readonly port: number } {
  const { host, hostaddr, port } = place;
  if (isSocket(place)) return { path: `${host}/.s.PGSQL.${port}` };
  return { host: hostaddr ?? host, port };
}

/** Whether nothing that is sent there leaves this machine. */
export function isHere(place: Place): boolean {
  const address = place.hostaddr ?? place.host;
  if (isSocket(place) || address === "localhost" || address === "::1") return true;
  return isIP(address) === 4 && address.startsWith("127.");
}
