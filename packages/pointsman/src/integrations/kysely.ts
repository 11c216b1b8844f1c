/** What a plugin of Kysely gets, and gives back: the tree of a query. */
interface QueryNode {
  readonly kind: string;
}

interface RawNode extends QueryNode {
  readonly sqlFragments: readonly string[];
  readonly parameters: readonly QueryNode[];
}

interface SelectNode extends QueryNode {
  readonly explain?: QueryNode;
  readonly with?: QueryNode & { readonly expressions?: readonly QueryNode[] };
}

const hint = "/* pointsman:writer */";

/**
 * A plugin of Kysely that sends reads to the writer: for single queries that must see what the
 * writer has. It writes the hint `/* pointsman:writer *\/` before the text of each `select`, and of
 * each text of `sql`; what writes goes to the writer anyway.
 *
 * A text that is given to `db.executeQuery(CompiledQuery.raw(…))` passes no plugin. For it, and for
 * all that a piece of code sends, there is `withWriter()`; for reads that may be older than others,
 * `withFreshness()`.
 *
 * @example
 * ```ts
 * import { Kysely, PostgresDialect } from "kysely";
 * import { createPool } from "pointsman";
 * import { WriterPlugin } from "pointsman/kysely";
 *
 * interface Database {
 *   books: { id: number; stock: number };
 * }
 *
 * const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool: createPool() }) });
 * const onWriter = db.withPlugin(new WriterPlugin());
 * const book = await onWriter.selectFrom("books").select("stock").where("id", "=", 1).executeTakeFirst();
 * ```
 */
export class WriterPlugin {
  /** Called by Kysely for each query, before it is made a text. */
  transformQuery<Node extends { readonly kind: string }>(args: { readonly node: Node }): Node {
    const node: QueryNode = args.node;
    if (node.kind === "RawNode") return hinted(node as RawNode) as QueryNode as Node;
    if (node.kind === "SelectQueryNode")
      return hintedSelect(node as SelectNode) as QueryNode as Node;
    return args.node;
  }

  /** Called by Kysely for each result, which stays as it is. */
  async transformResult<Result>(args: { readonly result: Result }): Promise<Result> {
    return args.result;
  }
}

function hinted(node: RawNode): RawNode {
  const [first = "", ...others] = node.sqlFragments;
  return { ...node, sqlFragments: [`${hint} ${first}`, ...others] };
}

/** With the hint in what its text begins with: Kysely takes no other kind of node in its place. */
function hintedSelect(node: SelectNode): SelectNode {
  if (node.explain !== undefined) return { ...node, explain: rawNode(node.explain) };
  // Plugins that look for the names of common table expressions find them where they are.
  const { expressions = [] } = node.with ?? {};
  return { ...node, with: { ...rawNode(node.with), expressions } };
}

/** The hint before a node, if there is one. */
function rawNode(node: QueryNode | undefined): RawNode {
  if (node === undefined) return { kind: "RawNode", sqlFragments: [hint], parameters: [] };
  return { kind: "RawNode", sqlFragments: [`${hint} `, ""], parameters: [node] };
}
