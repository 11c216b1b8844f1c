import {
  asType,
  type DefElem,
  defElems,
  fieldsOf,
  type Node,
  strings,
  typeOf,
} from "./parse-tree.ts";
import { takeApart } from "./plpgsql.ts";
import { isTemporarySchema } from "./server-bound-names.ts";
import { mayLeaveState } from "./session-state.ts";
import type { Classification, Statement } from "./types.ts";

/**
 * Marks the statements of a text that run code which can be looked into and leaves nothing on its
 * connection: DO blocks, and temporary functions that the text also drops. ORMs send both where
 * others send an INSERT or a CREATE TYPE.
 *
 * @param judge - judges the statements in that code
 */
export function withContained(
  sql: string,
  nodes: readonly Node[],
  statements: readonly Statement[],
  judge: (sql: string) => Classification,
): readonly Statement[] {
  const isCandidate = (node: Node, at: number): boolean =>
    isBlock(node) || isDropped(node, nodes.slice(at + 1));
  if (!nodes.some(isCandidate)) return statements;
  // A rollback to a savepoint, say, may bring back what was dropped.
  if (statements.some(({ transaction }) => transaction !== undefined)) return statements;
  // Of all the code in the text at once.
  const { statements: inner, problem } = takeApart(sql);
  if (problem !== undefined || inner.some((text) => mayLeaveState(judge(text)))) return statements;
  return statements.map((statement, at) =>
    isCandidate(nodes[at] as Node, at)
      ? Object.freeze({ ...statement, contained: true })
      : statement,
  );
}

/** A DO block in PL/pgSQL. */
function isBlock(node: Node): boolean {
  if (typeOf(node) !== "DoStmt") return false;
  const language = languageOf(fieldsOf(node).args);
  return language === undefined || language === "plpgsql";
}

interface CreateFunction {
  readonly funcname?: readonly Node[];
  readonly is_procedure?: boolean;
  readonly parameters?: readonly Node[];
  readonly options?: readonly Node[];
}

interface ObjectWithArgs {
  readonly objname?: readonly Node[];
  readonly objargs?: readonly Node[];
}

/** A temporary function in PL/pgSQL without arguments that one of these drops by its whole name. */
function isDropped(node: Node, behind: readonly Node[]): boolean {
  const made = asType<CreateFunction>(node, "CreateFunctionStmt");
  if (made === undefined || made.is_procedure === true) return false;
  const [schema, ...name] = strings(made.funcname);
  const isOut = (parameter: Node): boolean =>
    asType<{ mode?: string }>(parameter, "FunctionParameter")?.mode === "FUNC_PARAM_OUT";
  if (!isTemporarySchema(schema) || !(made.parameters ?? []).every(isOut)) return false;
  if (languageOf(made.options) !== "plpgsql") return false;
  return behind.some((later) => {
    if (typeOf(later) !== "DropStmt" || fieldsOf(later).removeType !== "OBJECT_FUNCTION")
      return false;
    return (fieldsOf(later).objects ?? []).some((object) => {
      const { objname, objargs = [] } = asType<ObjectWithArgs>(object, "ObjectWithArgs") ?? {};
      return objargs.length === 0 && strings(objname).join("\0") === [schema, ...name].join("\0");
    });
  });
}

function languageOf(options: readonly Node[] | undefined): string | undefined {
  const language = defElems(options).find(({ defname }: DefElem) => defname === "language");
  return language && asType<{ sval?: string }>(language.arg, "String")?.sval;
}
