import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { OpenMetricsContentType, Registry } from "prom-client";

/** One line of what Prometheus is told. */
export interface ScrapedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** What Prometheus is told of a registry. */
export interface Scrape {
  readonly text: string;
  readonly contentType: string | null;
  readonly types: Readonly<Record<string, string>>;
  readonly helps: Readonly<Record<string, string>>;
  readonly samples: readonly ScrapedSample[];
  /** The value of the one series that has these labels among its own; `undefined`: there is none. */
  value(name: string, labels?: Readonly<Record<string, string>>): number | undefined;
}

/** Asks for the metrics of a registry as Prometheus does: by HTTP, in its text format. */
export async function scrape(
  register: Registry | Registry<OpenMetricsContentType>,
): Promise<Scrape> {
  const server = createServer(async (_request, response) => {
    response.setHeader("content-type", register.contentType);
    response.end(await register.metrics());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const { port } = server.address() as AddressInfo;
    const response = await fetch(`http://127.0.0.1:${port}/metrics`);
    return scraped(await response.text(), response.headers.get("content-type"));
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

function scraped(text: string, contentType: string | null): Scrape {
  const lines = text.split("\n");
  const told = (what: string): Record<string, string> =>
    Object.fromEntries(
      lines.flatMap((line) => {
        const [, name = "", rest = ""] = new RegExp(`^# ${what} (\\w+) (.*)$`).exec(line) ?? [];
        return name === "" ? [] : [[name, rest]];
      }),
    );
  const samples = lines.filter((line) => /^[a-z]/.test(line)).map(sampleOf);
  return {
    text,
    contentType,
    types: told("TYPE"),
    helps: told("HELP"),
    samples,
    value(name, labels = {}) {
      const found = samples.filter(
        (sample) =>
          sample.name === name &&
          Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
      );
      if (found.length > 1) throw new Error(`Several series: ${JSON.stringify(found)}`);
      return found[0]?.value;
    },
  };
}

function sampleOf(line: string): ScrapedSample {
  const [, name = "", inside = "", value = ""] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
  if (name === "") throw new Error(`This is no sample: ${line}`);
  const labels = [...inside.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(
    ([, label = "", text = ""]) => [label, text],
  );
  return { name, labels: Object.fromEntries(labels), value: Number(value) };
}
