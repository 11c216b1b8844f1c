import type { Visit } from "../visit.ts";
import type { Check } from "./check.ts";
import { checkClock } from "./clock.ts";
import { checkConfiguration } from "./configuration.ts";
import { checkConnections } from "./connections.ts";
import { checkCredentials } from "./credentials.ts";
import { checkDns } from "./dns.ts";
import { checkFreshness } from "./freshness.ts";
import { checkLag } from "./lag.ts";
import { checkLogin } from "./login.ts";
import { checkPassword } from "./password.ts";
import { checkPrivileges } from "./privileges.ts";
import { checkReadOnly } from "./read-only.ts";
import { checkRole } from "./role.ts";
import { checkSameCluster } from "./same-cluster.ts";
import { checkTcp, unreachable } from "./tcp.ts";
import { checkTls } from "./tls.ts";
import { checkVersion } from "./version.ts";
import { checkWall } from "./wall.ts";

const slowLogin =
  "The server is overloaded, or waits for something to let users in. Opening the connection takes as long for the application.";

/** For each endpoint, in this order. */
export const endpointChecks: readonly Check<Visit>[] = [
  { name: "configuration", needs: [], look: checkConfiguration },
  { name: "DNS", needs: [], look: checkDns },
  { name: "TCP", needs: ["DNS"], slow: unreachable, look: checkTcp },
  { name: "TLS", needs: ["TCP"], look: checkTls },
  { name: "credentials", needs: [], look: checkCredentials },
  { name: "password", needs: ["credentials"], look: checkPassword },
  { name: "login", needs: ["TLS", "password"], slow: slowLogin, look: checkLogin },
  { name: "clock", needs: [], look: checkClock },
  { name: "role", needs: ["login"], look: checkRole },
  { name: "version", needs: ["login"], look: checkVersion },
  { name: "privileges", needs: ["login"], look: checkPrivileges },
  { name: "read-only", needs: ["role"], look: checkReadOnly },
  { name: "lag", needs: ["role"], side: "reader", look: checkLag },
  { name: "freshness", needs: ["role"], side: "reader", look: checkFreshness },
];

/** For each endpoint, after those, where the service must not write. */
export const readOnlyChecks: readonly Check<Visit>[] = [
  { name: "wall", needs: ["login"], look: checkWall },
];

/** For all endpoints together, after those. */
export const clusterChecks: readonly Check<readonly Visit[]>[] = [
  { name: "same cluster", needs: [], look: checkSameCluster },
  { name: "connections", needs: [], look: checkConnections },
];
