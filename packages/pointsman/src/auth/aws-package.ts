import { PointsmanError } from "../errors.ts";

/**
 * The packages of AWS that are loaded when they are needed. Bundlers leave those out that are not
 * installed, instead of failing, because what comes of that is caught right here.
 */
const loaders = {
  "@aws-sdk/rds-signer": () => import("@aws-sdk/rds-signer").catch(raise),
  "@aws-sdk/credential-providers": () => import("@aws-sdk/credential-providers").catch(raise),
  "@aws-sdk/client-secrets-manager": () => import("@aws-sdk/client-secrets-manager").catch(raise),
} as const;

function raise(error: unknown): never {
  throw error;
}

type Loaders = typeof loaders;
type PackageName = keyof Loaders;

/**
 * Loads a package of AWS that is an optional peer of this one.
 *
 * @throws PointsmanError `PACKAGE_MISSING` with the command that installs it
 */
export async function awsPackage<N extends PackageName>(
  name: N,
  feature: string,
  together: readonly PackageName[] = [name],
): Promise<Awaited<ReturnType<Loaders[N]>>> {
  try {
    return (await loaders[name]()) as Awaited<ReturnType<Loaders[N]>>;
  } catch (error) {
    const { code } = error as { code?: string };
    if (code !== "ERR_MODULE_NOT_FOUND" && code !== "MODULE_NOT_FOUND") throw error;
    throw new PointsmanError(
      "PACKAGE_MISSING",
      `${feature} needs ${name}, which is not installed. Run: npm install ${together.join(" ")}`,
      { cause: error },
    );
  }
}
