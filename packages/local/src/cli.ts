import { styleText } from "node:util";
import { HELP, parseCommand } from "./cli-arguments.ts";
import type { Cluster } from "./cluster.ts";
import { ClusterError } from "./errors.ts";

import type { IamEndpoint, IamGateway } from "./iam/gateway.ts";
import { startCluster } from "./start-cluster.ts";

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

const command = parseCommand(process.argv.slice(2));
if (command.kind === "help") {
  process.stdout.write(HELP);
} else if (command.kind === "mistake") {
  complain(`${command.message} See pointsman-local --help.`, EXIT_USAGE);
} else {
  await serve(command);
}

async function serve({ options, lag, json }: Extract<typeof command, { kind: "start" }>) {
  // Listened for before the start, or a Ctrl-C during it would end us there and then.
  const stopWanted = new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      // For good, not once: npx passes on the Ctrl-C that the terminal has sent us as well.
      process.on(signal, () => resolve());
    }
  });
  try {
    const started = performance.now();
    const cluster = await startCluster(options);
    if (lag > 0) await cluster.lag(lag);
    const seconds = (performance.now() - started) / 1000;
    process.stdout.write(json ? asJson(cluster) : asText(cluster, lag, seconds));
    await stopWanted;
    if (!json) process.stderr.write("\nStopping.\n");
    await cluster.stop();
    process.exit(0);
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error;
    complain(error.message, error.code === "INVALID_OPTION" ? EXIT_USAGE : EXIT_FAILED);
    // What a failed lag() leaves running is the watchdog's, as soon as we are gone.
    process.exit();
  }
}

function complain(message: string, exitCode: number): void {
  process.stderr.write(`pointsman-local: ${message}\n`);
  process.exitCode = exitCode;
}

/** The environment that leads an application to the cluster. */
function environmentOf(cluster: Cluster): Record<string, string> {
  return {
    DATABASE_URL: cluster.writer.url,
    ...(cluster.readers.length > 0 ? { DATABASE_READER_URL: cluster.reader.url } : {}),
  };
}

function asJson(cluster: Cluster): string {
  const { version, writer, reader, servers, iam } = cluster;
  return `${JSON.stringify({
    version,
    writer: { host: writer.host, port: writer.port, url: writer.url },
    reader: { host: reader.host, port: reader.port, url: reader.url },
    servers: servers.map(({ name, role, host, port, url, direct, pid }) => ({
      name,
      role,
      host,
      port,
      url,
      direct,
      pid,
    })),
    environment: environmentOf(cluster),
    ...(iam ? { iam: { ...describe(iam), environment: iam.environment } } : {}),
  })}\n`;
}

function describe({ user, region, caFile, writer, reader, servers }: IamGateway) {
  const endpoint = ({ hostname, port, url }: IamEndpoint) => ({ hostname, port, url });
  return {
    user,
    region,
    caFile,
    writer: endpoint(writer),
    reader: endpoint(reader),
    servers: servers.map(endpoint),
  };
}

function asText(cluster: Cluster, lag: number, seconds: number): string {
  const { NO_COLOR } = process.env;
  const coloured = process.stdout.isTTY && !NO_COLOR;
  const strong = (text: string): string => (coloured ? styleText("bold", text) : text);
  const quiet = (text: string): string => (coloured ? styleText("dim", text) : text);

  const count = cluster.readers.length;
  const readers = `${count} ${count === 1 ? "reader" : "readers"}`;
  const late = lag > 0 && count > 0 ? `, ${lag} ms behind` : "";
  const row = (name: string, { host, port }: { host: string; port: number }, note: string) =>
    `  ${name.padEnd(18)}${`${host}:${port}`.padEnd(18)}${quiet(note)}`;
  const exports = (environment: object) =>
    Object.entries(environment).map(
      ([name, value]) => `export ${name}='${value.replaceAll("'", "%27")}'`,
    );
  return [
    strong(
      `PostgreSQL ${cluster.version}: a writer and ${readers}${late}, up in ${seconds.toFixed(1)} s`,
    ),
    "",
    row("writer endpoint", cluster.writer, "for writes"),
    row(
      "reader endpoint",
      cluster.reader,
      count > 0 ? "for reads, spread over the readers" : "leads to the writer",
    ),
    ...cluster.servers.map((server) =>
      row(server.name, server, `this server only, process ${server.pid}`),
    ),
    "",
    ...exports(environmentOf(cluster)),
    ...(cluster.iam
      ? [
          "",
          quiet(
            "# In place of these, to log in with IAM tokens over TLS (good for this run only):",
          ),
          ...exports(cluster.iam.environment),
        ]
      : []),
    "",
    quiet("Ctrl-C stops it and removes everything."),
    "",
  ].join("\n");
}
