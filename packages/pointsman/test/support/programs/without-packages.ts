import { register } from "node:module";
import { createPool, iam, secretsManager } from "pointsman";

// A process in which nothing of @aws-sdk is installed.
register(
  `data:text/javascript,${encodeURIComponent(`
    export async function resolve(specifier, context, next) {
      if (!specifier.startsWith("@aws-sdk/")) return next(specifier, context);
      throw Object.assign(new Error("Cannot find package"), { code: "ERR_MODULE_NOT_FOUND" });
    }`)}`,
);
const [, , writer = ""] = process.argv;
for (const auth of [
  iam(),
  iam({ credentials: async () => ({ accessKeyId: "a", secretAccessKey: "s" }) }),
  secretsManager({ secretId: "shop" }),
]) {
  const pool = createPool({ writer, auth });
  const error = await pool.query("select 1").catch((reason: unknown) => reason);
  const { code, message } = error as { code?: string; message?: string };
  console.log(`${code}: ${message}`);
  await pool.end();
}
