import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { connect, createServer } from "node:tls";
import { expect, test } from "vitest";
import { type CertificateKind, Certificates } from "../src/iam/certificates.ts";
import { hostnamesIn } from "../src/iam/hostnames.ts";

const names = hostnamesIn("eu-west-2", 16);
const hostnames = [names.writer, names.reader, ...names.servers];
const certificates = new Certificates(hostnames);

/** How a handshake ends for a client that verifies: with the certificate, or an error's code. */
async function handshake(
  kind: CertificateKind,
  servername: string,
): Promise<X509Certificate | string> {
  const server = createServer({ SNICallback: (_, done) => done(null, certificates.context(kind)) });
  server.on("tlsClientError", () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  try {
    const socket = connect({ host: "127.0.0.1", port, servername, ca: certificates.ca });
    return await new Promise((resolve) => {
      socket.once("error", (error: NodeJS.ErrnoException) => resolve(String(error.code)));
      socket.once("secureConnect", () => {
        resolve(socket.getPeerX509Certificate() as X509Certificate);
        socket.destroy();
      });
    });
  } finally {
    server.close();
  }
}

test.each([names.writer, names.reader, names.servers[15] as string])(
  "the valid certificate is good for %s",
  async (name) => {
    const certificate = await handshake("valid", name);
    expect(certificate).toBeInstanceOf(X509Certificate);
    const ca = new X509Certificate(certificates.ca);
    expect((certificate as X509Certificate).checkIssued(ca)).toBe(true);
    expect((certificate as X509Certificate).verify(ca.publicKey)).toBe(true);
    expect(ca.ca).toBe(true);
    expect((certificate as X509Certificate).ca).toBe(false);
  },
);

test.each([
  ["valid", "db.example.com", "ERR_TLS_CERT_ALTNAME_INVALID"],
  ["other-host", names.writer, "ERR_TLS_CERT_ALTNAME_INVALID"],
  ["self-signed", names.writer, "DEPTH_ZERO_SELF_SIGNED_CERT"],
  ["expired", names.writer, "CERT_HAS_EXPIRED"],
] as const)(
  "a verifying client does not take the certificate %s for %s",
  async (kind, name, code) => {
    expect(await handshake(kind, name)).toBe(code);
  },
);

test("names are those of the region", () => {
  expect(hostnamesIn("us-gov-west-1", 1)).toEqual({
    writer: "app.cluster-c0123456789a.us-gov-west-1.rds.amazonaws.com",
    reader: "app.cluster-ro-c0123456789a.us-gov-west-1.rds.amazonaws.com",
    servers: ["app-instance-1.c0123456789a.us-gov-west-1.rds.amazonaws.com"],
  });
  expect(hostnamesIn("cn-north-1", 0).writer).toBe(
    "app.cluster-c0123456789a.rds.cn-north-1.amazonaws.com.cn",
  );
});
