import { writerName } from "./aurora.ts";
import { configure } from "./data-folder.ts";
import { formatConninfo } from "./settings.ts";
import { dataOf, type Site } from "./site.ts";

/** The server that another one follows. */
export interface Upstream {
  readonly name: string;
  /** Its own port. */
  readonly port: number;
}

/** Writes down whom a server follows; it takes effect when the server starts or is told to reload. */
export async function setUpstream(site: Site, name: string, upstream: Upstream): Promise<void> {
  const { config } = site;
  await configure(dataOf(site, name), {
    primary_conninfo: formatConninfo({
      host: "127.0.0.1",
      port: upstream.port,
      user: config.user,
      password: config.password,
      application_name: name,
      sslmode: "disable",
      gssencmode: "disable",
    }),
    ...(config.aurora ? writerName(upstream.name) : {}),
  });
}
