import { once } from "node:events";
import { connect } from "node:net";
import { codeOf, reasonOf } from "../../errors.ts";
import { bad, type Finding, ok } from "../finding.ts";
import type { Visit } from "../visit.ts";
import { addressOf, isHere } from "./place.ts";

/** What to check when packets get lost. */
export const unreachable =
  "Something on the way drops the packets: check security groups and firewalls, the route (VPN, peering), and whether the database may be reached from this network at all.";

/** Whether anything listens there. */
export async function checkTcp({ endpoint }: Visit, signal: AbortSignal): Promise<Finding> {
  const { host, hostaddr, port } = endpoint;
  const at = `${hostaddr ?? host}:${port}`;
  const start = performance.now();
  const socket = connect({ ...addressOf(endpoint), signal });
  socket.on("error", () => {});
  try {
    await once(socket, "connect");
    return ok(`connected in ${Math.round(performance.now() - start)} ms`);
  } catch (error) {
    switch (codeOf(error)) {
      case "ECONNREFUSED":
        return bad(
          `${at} refuses connections`,
          `Nothing listens there. Is the server running, and is ${port} its port?${isHere(endpoint) ? " This is the machine itself: inside a container the database's host has another name." : ""}`,
        );
      case "ENOENT":
        return bad(
          `there is no socket in ${host}`,
          `Is the server running, and is ${port} its port? Its setting unix_socket_directories says where the socket is.`,
        );
      case "ETIMEDOUT":
      case "EHOSTUNREACH":
      case "ENETUNREACH":
        return bad(`${at} cannot be reached: ${reasonOf(error)}`, unreachable);
      default:
        return bad(reasonOf(error), `Check what stands between this machine and ${at}.`);
    }
  } finally {
    socket.destroy();
  }
}
