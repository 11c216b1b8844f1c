import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { generateInto } from "../../packages/pointsman/test/support/prisma-client.ts";
import { compilerOptions } from "./doc-comments.ts";
import { type Block, placeOf, root } from "./documents.ts";

/**
 * What an example may use without saying where it comes from. Its first words would otherwise be
 * the same in every example of a page.
 */
const given: Readonly<Record<string, string>> = {
  pg: `import pg from "pg";`,
  /** A pool on the cluster, as `createPool()` makes it out of the environment. */
  pool: `import { createPool as makePool } from "pointsman"; const pool = makePool();`,
  /** Each statement on the one server, with nothing in between. */
  writer: `import writerPg from "pg"; const writer = new writerPg.Pool({ connectionString: process.env["DATABASE_URL"] });`,
  reader: `import readerPg from "pg"; const reader = new readerPg.Pool({ connectionString: process.env["DATABASE_READER_URL"] });`,
  /** Of the examples in @pointsman/local, which are compiled and not run. */
  cluster: `import type { Cluster as GivenCluster, Reader as GivenReader } from "@pointsman/local"; declare const cluster: GivenCluster & { readonly readers: readonly [GivenReader, GivenReader] };`,
  /** What test frameworks have: run, in turn, behind the example. */
  test: `const test = (name: string, run: () => unknown): void => { Reflect.get(globalThis, "expectTest")(name, run); };`,
  afterAll: `const afterAll = (run: () => unknown): void => { Reflect.get(globalThis, "expectAfterAll")(run); };`,
  skipIntegrationTests: `const skipIntegrationTests = (): void => {};`,
};

const packages = ["pointsman", "@pointsman/local"] as const;

/**
 * The addresses that documents use, and where they lead while the documents are tested. This is the
 * one place where the text of an example is changed.
 */
export interface Addresses {
  readonly writer: string;
  readonly reader: string;
  readonly readers: readonly string[];
}

function withAddresses(code: string, { writer, reader, readers }: Addresses): string {
  const hosts: Readonly<Record<string, string>> = {
    "writer.example.com": writer,
    "reader.example.com": reader,
    "reader-1.example.com": readers[0] ?? reader,
    "reader-2.example.com": readers[1] ?? reader,
    localhost: writer,
  };
  return code.replaceAll(
    /postgres:\/\/(?:[\w:%]+@)?([\w.-]+)(?::\d+)?\/shop\b/g,
    (url, host: string) => hosts[host] ?? url,
  );
}

/** An example as a module of its own: checked as TypeScript, run as JavaScript. */
export interface Program {
  readonly block: Block;
  readonly source: string;
  /** Lines that stand before the example's own, less one. */
  readonly offset: number;
  readonly file: string;
}

/** Applications of NestJS are written with TypeScript's older decorators. */
const nestOptions = { experimentalDecorators: true, emitDecoratorMetadata: true } as const;

function isOfNest({ source }: Program): boolean {
  return source.includes('"@nestjs/common"');
}

/** Makes modules of examples, in a folder where their imports are resolved as an application's. */
export class Programs {
  readonly #folder: string;
  readonly all: readonly Program[];

  constructor(blocks: readonly Block[]) {
    const cache = join(root, "docs/test/.cache");
    mkdirSync(cache, { recursive: true });
    this.#folder = mkdtempSync(join(cache, "examples-"));
    this.all = blocks.map((block, index) => {
      const head = `${headOf(block.code)}export {};`;
      const file = join(this.#folder, `example-${index}.ts`);
      const program = { block, source: `${head}\n${block.code}\n`, offset: 1, file };
      writeFileSync(file, program.source);
      return program;
    });
  }

  /** What examples of Prisma import, as an application has it generated from its own schema. */
  async generate(): Promise<void> {
    const models = readFileSync(join(root, "docs/test/shop.prisma"), "utf8");
    await generateInto(join(this.#folder, "generated"), models, "prisma");
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** What the compiler says of each example, with its place in the document. */
  check(): string[] {
    const ofNest = this.all.filter(isOfNest);
    const others = this.all.filter((program) => !isOfNest(program));
    return [...this.#check(others), ...this.#check(ofNest, nestOptions)];
  }

  #check(programs: readonly Program[], options: ts.CompilerOptions = {}): string[] {
    const program = ts.createProgram(
      programs.map(({ file }) => file),
      // An example shows how a value is got, and often leaves it at that.
      { ...compilerOptions(), noUnusedLocals: false, noUnusedParameters: false, ...options },
    );
    return programs.flatMap(({ block, file, offset }) => {
      const source = program.getSourceFile(file);
      const found = [
        ...program.getSyntacticDiagnostics(source),
        ...program.getSemanticDiagnostics(source),
      ];
      return found.map(({ start = 0, messageText }) => {
        const { line } = ts.getLineAndCharacterOfPosition(source as ts.SourceFile, start);
        const place = placeOf({ path: block.path, line: block.line + line - offset });
        return `${place}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`;
      });
    });
  }

  /** Lines of documents that print, and do not say what. */
  silent(): string[] {
    return this.all.flatMap(({ block }) => {
      if (!block.path.endsWith(".md")) return [];
      return block.code.split("\n").flatMap((text, index) => {
        if (!text.includes("console.log(") || printed.test(text)) return [];
        return placeOf({ path: block.path, line: block.line + index });
      });
    });
  }

  /** Writes the JavaScript of an example, and returns its file. */
  compile(program: Program, addresses: Addresses): string {
    const source = withAddresses(withExpectations(program), addresses);
    const { outputText } = ts.transpileModule(source, {
      compilerOptions: {
        target: ts.ScriptTarget.ES2022,
        module: ts.ModuleKind.ESNext,
        ...(isOfNest(program) && nestOptions),
      },
      fileName: program.file,
    });
    const file = program.file.replace(/\.ts$/, ".mjs");
    writeFileSync(file, outputText);
    return file;
  }
}

const printed = /^(\s*)console\.log\((.*)\); \/\/ (.+)$/;

/**
 * A comment behind a line that prints, or behind a line that is nothing but an expression, says
 * what comes out: `console.log(rows.length); // 3`, `classify(text).reader; // true`.
 */
function withExpectations({ block, source, offset }: Program): string {
  return source
    .split("\n")
    .map((line, index) => {
      const place = placeOf({ path: block.path, line: block.line + index - offset });
      const prints = printed.exec(line);
      if (prints) {
        const [, indent, what, expected = ""] = prints;
        return `${indent}globalThis.expectPrinted(${JSON.stringify(place)}, ${JSON.stringify(expected)}, ${what});`;
      }
      const shown = /^(\s*)([\w.]+\(.*\)[\w.]*); \/\/ (.+)$/.exec(line);
      const literal = shown?.[3] ?? "";
      if (shown && isLiteral(literal)) {
        const [, indent, what] = shown;
        return `${indent}globalThis.expectEqual(${JSON.stringify(place)}, (${literal}), ${what});`;
      }
      return line;
    })
    .join("\n");
}

function isLiteral(text: string): boolean {
  return /^(true|false|undefined|null|-?\d+|"[^"]*"|\[.*\]|\{.*\})$/.test(text);
}

/** The imports and declarations that an example uses and does not make itself. */
function headOf(code: string): string {
  const file = ts.createSourceFile("example.ts", code, ts.ScriptTarget.ESNext, true);
  const used = new Set<string>();
  const declared = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) {
      if (declares(node)) declared.add(node.text);
      else if (!isMemberName(node)) used.add(node.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  const lines: string[] = [];
  for (const [name, text] of Object.entries(given)) {
    if (used.has(name) && !declared.has(name)) lines.push(text);
  }
  for (const from of packages) {
    const names = exportsOf(from).filter((name) => used.has(name) && !declared.has(name));
    if (names.length > 0) lines.push(`import { ${names.join(", ")} } from "${from}";`);
  }
  return lines.map((line) => `${line} `).join("");
}

function declares(node: ts.Identifier): boolean {
  const { parent } = node;
  return (
    (ts.isVariableDeclaration(parent) && parent.name === node) ||
    (ts.isBindingElement(parent) && parent.name === node) ||
    (ts.isImportSpecifier(parent) && parent.name === node) ||
    (ts.isImportClause(parent) && parent.name === node) ||
    (ts.isFunctionDeclaration(parent) && parent.name === node) ||
    (ts.isClassDeclaration(parent) && parent.name === node) ||
    (ts.isParameter(parent) && parent.name === node)
  );
}

function isMemberName(node: ts.Identifier): boolean {
  const { parent } = node;
  return (
    (ts.isPropertyAccessExpression(parent) && parent.name === node) ||
    (ts.isPropertyAssignment(parent) && parent.name === node) ||
    (ts.isMethodDeclaration(parent) && parent.name === node)
  );
}

const exported = new Map<string, string[]>();

/** The values that a package exports. */
function exportsOf(name: (typeof packages)[number]): string[] {
  let names = exported.get(name);
  if (names === undefined) {
    const folder = name === "pointsman" ? "packages/pointsman" : "packages/local";
    const index = ts.sys.readFile(join(root, folder, "src/index.ts")) ?? "";
    names = [...index.matchAll(/^export \{([^}]+)\}/gm)].flatMap(([, list = ""]) =>
      list
        .split(",")
        .map((one) => one.trim())
        .filter((one) => one !== "" && !one.startsWith("type ")),
    );
    exported.set(name, names);
  }
  return names;
}
