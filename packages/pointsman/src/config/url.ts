import { parseIntoClientConfig } from "pg-connection-string";
import { tlsParameters } from "../auth/tls.ts";
import type { EndpointSettings } from "./endpoint-settings.ts";

/** Parameters of a URL that are ours to understand, not pg's. */
const own = [...tlsParameters, "hostaddr", "ssl", "uselibpqcompat"] as const;

/** What a URL says, and the URL without what `pg` would understand in another way. */
export interface ParsedUrl {
  readonly settings: EndpointSettings;
  readonly rest: string;
}

/**
 * Reads a PostgreSQL URL.
 *
 * @throws whatever `pg-connection-string` throws
 */
export function parseUrl(url: string): ParsedUrl {
  const [base, query] = splitAt(url, "?");
  const parameters = new URLSearchParams(query);
  const written = Object.fromEntries(parameters);
  const taken: Record<string, string> = {};
  for (const name of own) {
    const value = parameters.get(name);
    if (value !== null && value !== "") taken[name] = value;
    parameters.delete(name);
  }
  const rest = [...parameters].length > 0 ? `${base}?${parameters}` : base;
  const parsed = parseIntoClientConfig(rest) as Record<string, unknown>;
  const { ssl, uselibpqcompat: _, ...settings } = taken;
  const given = Object.entries(parsed).filter(
    ([, part]) => part !== undefined && part !== null && part !== "",
  );
  return {
    settings: {
      ...Object.fromEntries(given),
      ...modeOfSsl(ssl),
      ...settings,
      ...(query === "" ? {} : { parameters: written }),
    },
    rest,
  };
}

/** pg's older parameter. */
function modeOfSsl(ssl: string | undefined): { sslmode?: string } {
  if (ssl === undefined) return {};
  if (ssl === "no-verify") return { sslmode: "require" };
  return { sslmode: ssl === "0" || ssl === "false" ? "disable" : "verify-full" };
}

function splitAt(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}
