import { rootCertificates } from "node:tls";
import { type ConfiguredEndpoint, configuredEndpoints } from "pointsman/endpoints";
import { complain } from "../complain.ts";
import { isLibraryError, reasonOf } from "../errors.ts";
import { EXIT_FAILED, EXIT_USAGE } from "../exit-status.ts";
import { childEnvironment } from "./child-environment.ts";
import type { ExecCommand } from "./exec-arguments.ts";
import { writeRoots } from "./roots-file.ts";
import { runProgram } from "./run-program.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Runs a program with the environment of one endpoint.
 *
 * @returns the exit status
 * @throws ConfigError
 */
export async function exec(command: ExecCommand, environment: Environment): Promise<number> {
  const { side, readerIndex, program, args, prisma } = command;
  const endpoints = configuredEndpoints({}, environment).filter((one) => one.side === side);
  const endpoint = endpoints[side === "writer" ? 0 : readerIndex - 1];
  if (endpoint === undefined) return complain(noSuchReader(endpoints.length), EXIT_USAGE);

  let password: string | undefined;
  try {
    password = await endpoint.password();
  } catch (error) {
    return complain(noPassword(endpoint, error), EXIT_FAILED);
  }
  // From here to the end of the program nothing waits: a signal finds either no file or a handler.
  const pem = rootsFor(endpoint);
  const roots = pem === undefined ? undefined : writeRoots(pem);
  const child = childEnvironment(endpoint, password, roots?.path, environment, prisma);
  const { status, problem } = await runProgram(program, args, child);
  roots?.remove();
  return problem === undefined ? status : complain(problem, status);
}

/** The roots that the program needs in a file; none where it can use the system's. */
function rootsFor({ roots, sslmode }: ConfiguredEndpoint): string | undefined {
  // libpq knows the system's roots with verify-full only.
  return roots ?? (sslmode === "verify-ca" ? rootCertificates.join("\n") : undefined);
}

function noSuchReader(count: number): string {
  if (count === 0) return "There is no reader: DATABASE_READER_URL is not set.";
  return `There ${count === 1 ? "is 1 reader" : `are ${count} readers`} in DATABASE_READER_URL: --reader-index is too high.`;
}

function noPassword({ auth, name }: ConfiguredEndpoint, error: unknown): string {
  if (isLibraryError(error)) return error.message;
  return `${auth?.name ?? "auth"} could not make a password for ${name}: ${reasonOf(error)}. pointsman doctor tells more.`;
}
