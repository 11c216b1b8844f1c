import type { ClientConfig } from "pg";
import type { TlsSettings } from "../auth/tls.ts";
import type { ReaderDetails } from "./options.ts";

/** What was configured of one endpoint, before it is decided what that means. */
export type EndpointSettings = ClientConfig &
  Omit<TlsSettings, "ssl"> &
  ReaderDetails & {
    /** libpq's: the address to connect to, while the certificate is checked for `host`. */
    readonly hostaddr?: string;
    /** Everything that stands behind the `?` of its URL. */
    readonly parameters?: Readonly<Record<string, string>>;
  };
