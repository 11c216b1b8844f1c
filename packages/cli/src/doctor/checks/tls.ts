import { once } from "node:events";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { reasonOf } from "../../errors.ts";
import { bad, type Finding, look, ok } from "../finding.ts";
import type { Visit } from "../visit.ts";
import { judgeCertificate, readCertificate } from "./certificate.ts";
import { addressOf, isHere, isSocket } from "./place.ts";

/** SSLRequest of PostgreSQL's protocol: its length, and a number that is no version. */
const sslRequest = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);
/** Characters of an answer that is none. */
const shownAnswer = 40;

/** Whether the server speaks TLS, and is who it should be. */
export async function checkTls(visit: Visit, signal: AbortSignal): Promise<Finding> {
  const { endpoint } = visit;
  const { ssl, sslmode } = endpoint;
  if (ssl === false || sslmode === undefined) return withoutTls(visit);
  if (isSocket(endpoint)) return ok("none needed: a socket of this machine");
  const socket = connectTcp({ ...addressOf(endpoint), signal });
  // One that comes when nobody waits any more says nothing new.
  socket.on("error", () => {});
  try {
    const answer = await askForTls(socket);
    if (answer === "N") return refused(visit);
    if (answer !== "S") {
      const [line = ""] = answer.split(/[^ -~]/);
      return bad(
        `the answer is not that of a PostgreSQL server: ${line === "" ? "none" : JSON.stringify(line.slice(0, shownAnswer))}`,
        "Check host and port: something else may listen there, or a proxy whose database is down.",
      );
    }
    const secured = await handshake(socket, visit);
    visit.certificate = readCertificate(
      secured.getPeerCertificate(true),
      secured.authorized ? undefined : String(secured.authorizationError),
    );
    const name = endpoint.certificateName;
    const finding = judgeCertificate(visit.certificate, sslmode, name, Date.now());
    return { ...finding, found: `${secured.getProtocol()}: ${finding.found}` };
  } catch (error) {
    if (signal.aborted) throw error;
    return bad(
      `the handshake failed: ${reasonOf(error)}`,
      "Check what TLS versions and client certificates the server asks for; its log tells more.",
    );
  } finally {
    socket.destroy();
  }
}

/** What the server answers with: one byte, if it is PostgreSQL. Nothing when it hangs up. */
async function askForTls(socket: Socket): Promise<string> {
  await once(socket, "connect");
  socket.write(sslRequest);
  const chunks = socket.iterator({ destroyOnReturn: false });
  const { value } = await chunks.next();
  await chunks.return?.();
  return value === undefined ? "" : (value as Buffer).toString("latin1");
}

/** Verified like any connection, but not broken off: what is wrong with it is to be told. */
async function handshake(socket: Socket, { endpoint }: Visit): Promise<TLSSocket> {
  const { ssl, certificateName } = endpoint;
  const secured = connectTls({
    ...(typeof ssl === "object" ? ssl : {}),
    socket,
    ...(isIP(certificateName) === 0 ? { servername: certificateName } : { host: certificateName }),
    rejectUnauthorized: false,
  });
  secured.on("error", () => {});
  await once(secured, "secureConnect");
  return secured;
}

function withoutTls({ endpoint }: Visit): Finding {
  if (isHere(endpoint)) return ok("off, and the server is on this machine");
  return look(
    "off: everything, the password included, can be read on the way",
    "Say sslmode=verify-full in the URL, with sslrootcert=/path/to/ca.pem where the server's authority is not a public one.",
  );
}

function refused({ endpoint }: Visit): Finding {
  if (endpoint.sslmode === "prefer") {
    return look(
      "the server does not offer it, so nothing is encrypted",
      "Turn TLS on at the server (ssl = on), and say sslmode=verify-full in the URL.",
    );
  }
  return bad(
    "the server does not offer it",
    "Turn TLS on at the server (ssl = on). Where nobody can listen on the way, sslmode=disable in the URL does without.",
  );
}
