import {
  type ConfiguredEndpoint,
  configuredEndpoints,
  type TablePattern,
  tablePatterns,
} from "pointsman/endpoints";
import { EXIT_FAILED } from "../exit-status.ts";
import { Secrets } from "../secrets.ts";
import { columns, isColoured } from "../terminal.ts";
import { clusterChecks, endpointChecks, readOnlyChecks } from "./checks/checks.ts";
import type { DoctorCommand } from "./doctor-arguments.ts";
import { examine, type Line } from "./examine.ts";
import { Table } from "./table.ts";
import type { Visit } from "./visit.ts";
import { scriptsOf } from "./wall/scripts.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** All that was found, as `--json` prints it. */
interface Report {
  readonly status: "ok" | "look" | "bad";
  readonly endpoints: readonly {
    readonly side: ConfiguredEndpoint["side"];
    readonly name: string;
    readonly checks: readonly Line[];
  }[];
  /** What was found by looking at all endpoints together. */
  readonly together: readonly Line[];
  /** SQL that has the database refuse writes, where that was asked for and could be found out. */
  readonly script?: string;
}

/**
 * Examines the way to each endpoint, and prints what it finds.
 *
 * @returns the exit status
 * @throws ConfigError
 */
export async function doctor(
  { json, timeoutMillis, readOnly }: DoctorCommand,
  environment: Environment,
): Promise<number> {
  const secrets = new Secrets(environment);
  const allowedWrites = readOnly && tablePatterns(readOnly.allowWritesTo, "--allow-writes-to");
  const visits = await visitsTo(environment, timeoutMillis, secrets, allowedWrites);
  const table = new Table(columns(), isColoured(environment));
  const print = (text: string): void => {
    if (!json) process.stdout.write(text);
  };
  const printLine = (line: Line): void => print(table.line(line));

  const endpoints: Report["endpoints"][number][] = [];
  for (const visit of visits) {
    const { side, name } = visit.endpoint;
    print(table.heading(side, name));
    const checks = [
      ...endpointChecks.filter((check) => check.side === undefined || check.side === side),
      ...(readOnly === undefined ? [] : readOnlyChecks),
    ];
    const lines = await examine(checks, visit, timeoutMillis, secrets, printLine);
    endpoints.push({ side, name, checks: lines });
  }
  print(table.heading("together", ""));
  const together = await examine(clusterChecks, visits, timeoutMillis, secrets, printLine);
  const all = [...endpoints.flatMap(({ checks }) => checks), ...together];
  print(table.summary(all));
  const script = scriptsOf(visits);
  if (script !== undefined) print(`\n${script}`);

  const status = (["bad", "look"] as const).find((mark) => all.some((line) => line.mark === mark));
  const report: Report = { status: status ?? "ok", endpoints, together, ...(script && { script }) };
  if (json) process.stdout.write(`${JSON.stringify(report)}\n`);
  await Promise.race([closed(visits), after(1000)]);
  return status === "bad" ? EXIT_FAILED : 0;
}

/** Every endpoint of the environment, the writer first. */
async function visitsTo(
  environment: Environment,
  timeoutMillis: number,
  secrets: Secrets,
  allowedWrites: readonly TablePattern[] | undefined,
): Promise<Visit[]> {
  const options = {
    connectionTimeoutMillis: timeoutMillis,
    query_timeout: timeoutMillis,
    fallback_application_name: "pointsman doctor",
  };
  const visits: Visit[] = [];
  const { DATABASE_URL, PGHOST } = environment;
  const endpoints = configuredEndpoints(options, environment);
  // A service that writes nothing need not know where the writer is.
  const needsWriter = DATABASE_URL || PGHOST || allowedWrites?.length !== 0;
  const hasReader = endpoints.some(({ side }) => side === "reader");
  for (const endpoint of endpoints) {
    if (endpoint.side === "writer" && hasReader && !needsWriter) continue;
    // What auth makes is made, and may fail, later.
    const password = endpoint.auth === undefined ? await endpoint.password() : undefined;
    secrets.add(password);
    const writer = visits.find((visit) => visit.endpoint.side === "writer");
    visits.push({ endpoint, password, environment, secrets, writer, allowedWrites });
  }
  return visits;
}

async function closed(visits: readonly Visit[]): Promise<void> {
  await Promise.allSettled(visits.map(({ client }) => client?.end()));
}

function after(millis: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, millis));
}
