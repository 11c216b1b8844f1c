import { MetricsSource } from "./metrics-source.ts";
import type { Source } from "./reading.ts";
import { SocketSource } from "./socket-source.ts";

/** How long an answer is waited for at least, in milliseconds. */
const leastPatience = 2000;

/**
 * Opens what was given, or what the environment says.
 *
 * @returns the sentence that says what is wrong with it, where it makes no sense
 */
export function openSource(
  given: string | undefined,
  intervalMillis: number,
  { DATABASE_STATS_SOCKET }: Readonly<Record<string, string | undefined>>,
): Source | string {
  const source = given ?? (DATABASE_STATS_SOCKET || undefined);
  if (source === undefined) {
    return "There is nothing to look at: give the directory that the application has as statsSocket, or the URL of its metrics, or set DATABASE_STATS_SOCKET.";
  }
  const patienceMillis = Math.max(leastPatience, intervalMillis);
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(source)) return new SocketSource(source, patienceMillis);
  const url = URL.canParse(source) ? new URL(source) : undefined;
  if (url?.protocol !== "http:" && url?.protocol !== "https:") {
    return `The URL of metrics begins with http:// or https://, as in http://localhost:9464/metrics.`;
  }
  let login: string | undefined;
  try {
    login = loginIn(url);
  } catch {
    return "The user or the password in the URL of metrics is not written as in a URL: write a % in it as %25.";
  }
  return new MetricsSource(url, login, patienceMillis);
}

/**
 * `user:password`; `undefined`: there is none.
 *
 * @throws URIError for a `%` that encodes nothing, which `URL` lets stand
 */
function loginIn({ username, password }: URL): string | undefined {
  if (username === "" && password === "") return undefined;
  return `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
}
