import { type Pool, withWriter } from "pointsman";

/** Asks both sides; each is `ok`, or the error it gave. */
export async function health(pool: Pool) {
  const [reader, writer] = await Promise.all([
    answer(() => pool.query("select 1")),
    answer(() => withWriter(() => pool.query("select 1"))),
  ]);
  return { ok: reader === "ok" && writer === "ok", reader, writer };
}

async function answer(ask: () => Promise<unknown>): Promise<string> {
  try {
    await ask();
    return "ok";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
