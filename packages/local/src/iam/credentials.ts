import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { ClusterError } from "../errors.ts";
import { listen } from "../listen.ts";

/** An AWS identity for a while. */
export interface IssuedCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly issued: number;
  /** When it ends; milliseconds since 1970. */
  readonly expires: number;
}

/**
 * Where an application gets its AWS credentials: what a container finds at
 * `AWS_CONTAINER_CREDENTIALS_FULL_URI` on EKS and ECS, here made up.
 */
export interface CredentialsEndpoint {
  /** How often it was asked, whatever it answered. */
  readonly requests: number;
  /**
   * Makes the next answer one with new keys. The old ones work until they end, as AWS has it.
   *
   * @param options `revoke: true`: all keys given out so far stop working at once
   * @example
   * const { iam } = await startCluster({ iam: true });
   * iam.credentials.rotate({ revoke: true });
   */
  rotate(options?: { readonly revoke?: boolean | undefined }): void;
  /**
   * How long the credentials live that are given out from now on. They are renewed, for whoever
   * asks, when half of that is over. Default: 6 hours.
   *
   * @param milliseconds more than 0
   * @throws ClusterError `INVALID_OPTION`
   */
  expiresIn(milliseconds: number): void;
  /** Makes every request fail (status 500), or no longer. */
  fail(failing: boolean): void;
}

const PATH = "/v1/credentials";
const LIFETIME_MS = 6 * 3_600_000;
const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** The credentials endpoint on 127.0.0.1, and the memory of what it has given out. */
export class CredentialsServer implements CredentialsEndpoint {
  requests = 0;
  readonly #server: Server;
  readonly #authorization = randomBytes(24).toString("hex");
  readonly #issued = new Map<string, IssuedCredentials>();
  #port = 0;
  #current: IssuedCredentials | undefined;
  #lifetimeMs = LIFETIME_MS;
  #failing = false;

  private constructor() {
    this.#server = createServer((request, response) => this.#answer(request, response));
  }

  static async listen(): Promise<CredentialsServer> {
    const endpoint = new CredentialsServer();
    endpoint.#port = await listen(endpoint.#server, 0);
    return endpoint;
  }

  /** What leads the AWS SDK's default chain here. */
  get environment(): {
    readonly AWS_CONTAINER_CREDENTIALS_FULL_URI: string;
    readonly AWS_CONTAINER_AUTHORIZATION_TOKEN: string;
  } {
    return {
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${this.#port}${PATH}`,
      AWS_CONTAINER_AUTHORIZATION_TOKEN: this.#authorization,
    };
  }

  /** The credentials with this access key, if they were given out and not revoked. */
  find(accessKeyId: string): IssuedCredentials | undefined {
    return this.#issued.get(accessKeyId);
  }

  rotate({ revoke = false }: { readonly revoke?: boolean | undefined } = {}): void {
    this.#current = undefined;
    if (revoke) this.#issued.clear();
  }

  expiresIn(milliseconds: number): void {
    if (!(milliseconds > 0 && Number.isFinite(milliseconds))) {
      throw new ClusterError(
        "INVALID_OPTION",
        `Credentials cannot live for ${milliseconds} ms. Give a number above 0.`,
      );
    }
    this.#lifetimeMs = milliseconds;
    this.#current = undefined;
  }

  fail(failing: boolean): void {
    this.#failing = failing;
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    this.requests += 1;
    const refuse = (status: number, code: string, message: string) =>
      respond(response, status, { code, message });
    if (request.method !== "GET" || request.url !== PATH) {
      refuse(404, "NotFound", `Only GET ${PATH} is answered.`);
    } else if (!same(request.headers.authorization ?? "", this.#authorization)) {
      refuse(403, "AccessDeniedException", "The authorization token is missing or wrong.");
    } else if (this.#failing) {
      refuse(500, "InternalServerException", "The endpoint was told to fail.");
    } else {
      const { accessKeyId, secretAccessKey, sessionToken, expires } = this.#issue();
      respond(response, 200, {
        AccessKeyId: accessKeyId,
        SecretAccessKey: secretAccessKey,
        Token: sessionToken,
        Expiration: new Date(expires).toISOString(),
        AccountId: "012345678901",
      });
    }
  }

  #issue(): IssuedCredentials {
    const now = Date.now();
    if (this.#current && now < (this.#current.issued + this.#current.expires) / 2) {
      return this.#current;
    }
    const key = Array.from(randomBytes(16), (byte) => BASE32[byte % 32]).join("");
    this.#current = {
      accessKeyId: `ASIA${key}`,
      secretAccessKey: randomBytes(30).toString("base64"),
      // As long as AWS's are, and with characters in it that have to be escaped in a token.
      sessionToken: `IQoJb3JpZ2luX2Vj//${randomBytes(750).toString("base64")}==`,
      issued: now,
      expires: now + this.#lifetimeMs,
    };
    this.#issued.set(this.#current.accessKeyId, this.#current);
    return this.#current;
  }
}

function respond(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

function same(one: string, other: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
}
