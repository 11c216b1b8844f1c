import { readdirSync } from "node:fs";
import { sep } from "node:path";

interface Context {
  readonly params: Promise<Readonly<Record<string, string>>>;
}

type Handler = (request: Request, context: Context) => Response | Promise<Response>;

interface Route {
  /** The folders on the way to it: `["books", "[id]"]`. */
  readonly segments: readonly string[];
  /** What its file exports: a handler for each method. */
  load(): Promise<Readonly<Record<string, Handler | undefined>>>;
}

/** The files `route.ts` in a folder, as Next.js finds them. */
export function routesIn(folder: URL): Route[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((path) => path.split(sep))
    .filter((path) => path.at(-1) === "route.ts")
    .map((path) => ({
      segments: path.slice(0, -1),
      load: () => import(new URL(path.join("/"), folder).href),
    }));
}

/** Answers a request by the route whose folders are its path. */
export async function answer(routes: readonly Route[], request: Request): Promise<Response> {
  const path = new URL(request.url).pathname.split("/").slice(1);
  for (const { segments, load } of routes) {
    const params = match(segments, path);
    if (params === undefined) continue;
    const handler = (await load())[request.method];
    return handler === undefined
      ? Response.json({ error: "method_not_allowed", message: "Not this way." }, { status: 405 })
      : handler(request, { params: Promise.resolve(params) });
  }
  return Response.json({ error: "not_found", message: "There is no such page." }, { status: 404 });
}

/** What stands in the place of `[id]` and the like, or `undefined` for another path. */
function match(
  segments: readonly string[],
  path: readonly string[],
): Record<string, string> | undefined {
  if (segments.length !== path.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, part] of path.entries()) {
    const name = /^\[(.+)\]$/.exec(segments[index] ?? "")?.[1];
    if (name !== undefined) params[name] = part;
    else if (segments[index] !== part) return undefined;
  }
  return params;
}
