import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import ts from "typescript";
import type { Block } from "./documents.ts";
import { root } from "./documents.ts";

type Exports = Readonly<Record<string, { readonly "pointsman-source"?: string }>>;

/** The sources of all that the packages export. */
const packages = ["packages/pointsman", "packages/local"].flatMap((folder) => {
  const { exports }: { exports: Exports } = JSON.parse(
    readFileSync(join(root, folder, "package.json"), "utf8"),
  );
  return Object.values(exports).flatMap(({ "pointsman-source": source }) =>
    source === undefined ? [] : [join(folder, source)],
  );
});

/**
 * The examples in the doc comments of everything that the packages export, and of the members of
 * that.
 */
export function readDocComments(): Block[] {
  const program = ts.createProgram(
    packages.map((path) => join(root, path)),
    { ...compilerOptions(), noCheck: true },
  );
  const checker = program.getTypeChecker();
  const blocks = new Map<string, Block>();
  for (const path of packages) {
    const file = program.getSourceFile(join(root, path));
    const module = file === undefined ? undefined : checker.getSymbolAtLocation(file);
    if (module === undefined) throw new Error(`${path} exports nothing.`);
    for (const exported of checker.getExportsOfModule(module)) {
      const symbol =
        exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
      for (const declaration of symbol.declarations ?? []) {
        if (!declaration.getSourceFile().fileName.includes("/src/")) continue;
        collect(declaration, blocks);
        ts.forEachChild(declaration, (member) => collect(member, blocks));
      }
    }
  }
  return [...blocks.values()];
}

function collect(node: ts.Node, blocks: Map<string, Block>): void {
  // The comment of a const stands at the statement around it.
  const holder = ts.isVariableDeclaration(node) ? node.parent.parent : node;
  for (const tag of ts.getJSDocTags(holder)) {
    if (tag.tagName.text !== "example") continue;
    const file = tag.getSourceFile();
    // Not the compiler's own reading of the tag: that ends at the first decorator of the example.
    const comment = exampleIn(file.text, tag.pos);
    const fenced = /```(\w*)\n([\s\S]*?)\n```/.exec(comment);
    const code = (fenced?.[2] ?? comment).trimEnd();
    const first = (code.split("\n")[0] ?? "").trim();
    const start = file.text.indexOf(first, tag.pos);
    const block: Block = {
      path: relative(root, file.fileName),
      line: file.getLineAndCharacterOfPosition(start < 0 ? tag.pos : start).line + 1,
      language: fenced?.[1] || "ts",
      code,
    };
    blocks.set(`${block.path}:${block.line}`, block);
  }
}

/** What stands behind `@example`, up to the next tag or the end of the comment. */
function exampleIn(text: string, from: number): string {
  const lines = text
    .slice(from, text.indexOf("*/", from))
    .split("\n")
    .slice(1)
    .map((line) => line.replace(/^\s*\* ?/, ""));
  let fenced = false;
  const end = lines.findIndex((line) => {
    if (line.startsWith("```")) fenced = !fenced;
    return !fenced && /^@(param|returns|throws|see|example|deprecated)\b/.test(line);
  });
  return lines.slice(0, end < 0 ? lines.length : end).join("\n");
}

/** The repository's own settings of TypeScript. */
export function compilerOptions(): ts.CompilerOptions {
  const { config } = ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [] }, ts.sys, root);
  return options;
}
