import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { codeOf, reasonOf } from "../../errors.ts";
import { bad, type Finding, ok } from "../finding.ts";
import type { Visit } from "../visit.ts";
import { isSocket } from "./place.ts";

const shown = 3;

/** Whether the host's name leads anywhere, as the system's resolver has it. */
export async function checkDns({ endpoint }: Visit): Promise<Finding> {
  const { host, hostaddr } = endpoint;
  if (isSocket(endpoint)) return ok(`none needed: ${host} is a socket of this machine`);
  if (hostaddr !== undefined) return ok(`not asked: hostaddr says ${hostaddr}`);
  if (isIP(host) !== 0) return ok(`none needed: ${host} is an address`);
  try {
    const addresses = (await lookup(host, { all: true })).map(({ address }) => address);
    const more = addresses.length - shown;
    return ok(addresses.slice(0, shown).join(", ") + (more > 0 ? ` and ${more} more` : ""));
  } catch (error) {
    if (codeOf(error) === "EAI_AGAIN") {
      return bad(
        `no answer from the resolver about ${host}`,
        "Check that this machine has a working name server (/etc/resolv.conf), and try again.",
      );
    }
    if (codeOf(error) === "ENOTFOUND") {
      return bad(
        `there is no host ${host}`,
        "Check the name. If it is right, it may be known in another network only: a VPN or a private DNS zone may be missing here.",
      );
    }
    return bad(reasonOf(error), `Check the name ${host}.`);
  }
}
