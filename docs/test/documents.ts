import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's root folder. */
export const root = fileURLToPath(new URL("../..", import.meta.url));

/** A document for people, with what of it can be checked. */
export interface Document {
  /** From the root, for example `docs/routing.md`. */
  readonly path: string;
  readonly text: string;
  readonly blocks: readonly Block[];
  readonly tables: readonly Table[];
  readonly links: readonly Link[];
  /** What `#…` can lead to. */
  readonly anchors: ReadonlySet<string>;
}

/** A fenced piece of code. */
export interface Block {
  readonly path: string;
  /** The line of its first line of code. */
  readonly line: number;
  /** What stands behind the fence, `""` where nothing does. */
  readonly language: string;
  readonly code: string;
}

export interface Table {
  readonly path: string;
  readonly header: readonly string[];
  readonly rows: readonly { readonly line: number; readonly cells: readonly string[] }[];
}

export interface Link {
  readonly line: number;
  readonly target: string;
}

/** Where a block stands, for people and editors. */
export const placeOf = ({ path, line }: { path: string; line: number }): string =>
  `${path}:${line}`;

/** All documents whose code is run. */
export function readDocuments(): Document[] {
  const found = [
    ...documentsIn("."),
    ...documentsIn("docs"),
    ...foldersIn("packages").flatMap(documentsIn),
    ...foldersIn("examples").flatMap(documentsIn),
    ...documentsIn("bench"),
  ];
  return found.sort().map(readDocument);
}

function documentsIn(folder: string): string[] {
  return readdirSync(join(root, folder))
    .filter((name) => name.endsWith(".md") && !name.endsWith(".api.md"))
    .map((name) => join(folder, name));
}

function foldersIn(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(folder, name));
}

export function readDocument(path: string): Document {
  const text = readFileSync(join(root, path), "utf8");
  const blocks: Block[] = [];
  const tables: Table[] = [];
  const links: Link[] = [];
  const anchors = new Set<string>();
  const lines = text.split("\n");
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] as string;
    const fence = /^(\s*)```(.*)$/.exec(line);
    if (fence) {
      const [, indent = "", language = ""] = fence;
      const start = at + 1;
      at = start;
      while (at < lines.length && lines[at]?.trim() !== "```") at++;
      if (at === lines.length) throw new Error(`${path}:${start} opens a block that never ends.`);
      const code = lines.slice(start, at).map((inner) => inner.slice(indent.length));
      blocks.push({ path, line: start + 1, language: language.trim(), code: code.join("\n") });
      continue;
    }
    const heading = /^#+ (.*)$/.exec(line);
    if (heading) anchors.add(anchorOf(heading[1] ?? ""));
    for (const [, target = ""] of line.matchAll(/\]\(([^)\s]+)\)/g)) {
      links.push({ line: at + 1, target });
    }
    if (isRow(line) && isRule(lines[at + 1])) {
      const rows: { line: number; cells: readonly string[] }[] = [];
      const header = cellsOf(line);
      for (at += 2; isRow(lines[at]); at++) {
        const row = lines[at] as string;
        rows.push({ line: at + 1, cells: cellsOf(row) });
        for (const [, target = ""] of row.matchAll(/\]\(([^)\s]+)\)/g)) {
          links.push({ line: at + 1, target });
        }
      }
      at -= 1;
      tables.push({ path, header, rows });
    }
  }
  return { path, text, blocks, tables, links, anchors };
}

/** Where a relative link of a document leads to, from the root. */
export function resolveLink(path: string, target: string): { path: string; anchor?: string } {
  const [file = "", anchor] = target.split("#");
  const resolved = file === "" ? path : join(dirname(path), file);
  return anchor === undefined ? { path: resolved } : { path: resolved, anchor };
}

/** The code words of a cell, for example of "`max`, `min`". */
export function codeWords(cell: string | undefined): string[] {
  return [...(cell ?? "").matchAll(/`([^`]+)`/g)].map(([, word = ""]) => word);
}

const isRow = (line: string | undefined): boolean => line?.startsWith("|") === true;
const isRule = (line: string | undefined): boolean => /^\|[\s|:-]+\|$/.test(line ?? "");

function cellsOf(row: string): string[] {
  return row
    .replace(/^\|/, "")
    .replace(/\|\s*$/, "")
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replaceAll("\\|", "|"));
}

/** As GitHub makes anchors of headings. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
    .trim()
    .replaceAll(" ", "-");
}
