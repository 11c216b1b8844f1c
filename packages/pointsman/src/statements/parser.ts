import { setTimeout as delay } from "node:timers/promises";
import { nextTurn } from "../next-turn.ts";
import { compileGrammar, createGrammar, type Grammar } from "./grammar.ts";
import type { ParseTree } from "./parse-tree.ts";
import { isCostly } from "./parsing-cost.ts";

/**
 * The memory that an instance may have grown to, in bytes, before it is replaced. WebAssembly
 * memory never shrinks, so one unusual text would hold on to it for the life of the process.
 */
const maxMemory = 256 * 1024 * 1024;

/**
 * The longest parse tree that is looked at, in bytes of JSON: reading one takes as long again as
 * making it. Lists of 10,000 distinct numbers or parameters stay below it.
 */
const maxTree = 1024 * 1024;

/**
 * What {@link warmUp} lets the parser practise on, some 3 ms each time. Without it the first large
 * text of a process takes 50 to 100 ms, with it 20 to 30.
 */
const practice =
  "select t.a, count(*) as n from t join u on u.id = t.u_id where t.b = $1 and t.c in (1, 2, 'x') or f(t.d) > 2 group by t.a order by 2 desc limit 10; insert into t (a, b) values (1, 'x'), (2, 'y') on conflict do nothing; update t set a = a + 1 where id = $1;".repeat(
    2,
  );
const practiceRounds = 12;

/** How long it waits before it practises: a process that starts has better things to do. */
const practiceDelayMillis = 500;

const encoder = new TextEncoder();
const pointerBytes = 4;

let grammar: Grammar | undefined;

/**
 * Parses a text with PostgreSQL's own grammar (version 18).
 *
 * Synchronous from the first call, which also loads the parser (some 40 ms, once) unless
 * {@link warmUp} has done that.
 *
 * @returns the parse tree; `unparsable` for a text that the grammar does not accept, that nests too
 *   deeply for the parser's stack, or that has a NUL character in it (which no statement on the wire
 *   can have); `too-long` for one that would take the event loop too long.
 */
export function parse(sql: string): ParseTree | "unparsable" | "too-long" {
  return parsed(sql, parseToJson) as ParseTree | "unparsable" | "too-long";
}

/**
 * Parses the definition of a function in PL/pgSQL, a whole CREATE FUNCTION, with PostgreSQL's own
 * grammar (version 18).
 *
 * @returns as of {@link parse}: a list of functions, each a tree of its own kind
 */
export function parsePlpgsql(definition: string): object | "unparsable" | "too-long" {
  return parsed(definition, plpgsqlToJson);
}

function parsed(
  text: string,
  toJson: (grammar: Grammar, text: string) => string,
): object | "unparsable" | "too-long" {
  if (text.includes("\0")) return "unparsable";
  if (isCostly(text)) return "too-long";
  grammar ??= createGrammar();
  let json: string;
  try {
    json = toJson(grammar, text);
  } catch {
    // The parser's stack or memory was exhausted, and it was left in the middle of something.
    grammar = undefined;
    return "unparsable";
  }
  if (grammar.HEAPU8.length > maxMemory) grammar = undefined;
  return json === "unparsable" || json === "too-long" ? json : (JSON.parse(json) as object);
}

/**
 * Loads the parser ahead of the first statement, a piece in each turn of the event loop, so that
 * none of them waits for all of it. It does not keep the process alive. A statement that comes in
 * between does not wait for it.
 *
 * @throws Error if the parser cannot be loaded.
 * @example
 * await warmUp();
 * classify("select 1"); // takes microseconds
 */
export async function warmUp(): Promise<void> {
  await nextTurn();
  compileGrammar();
  await nextTurn();
  grammar ??= createGrammar();
  await nextTurn();
  // V8 compiles the grammar's automaton, one enormous function, when it is first called, and well
  // only when it is called more often.
  parse("select 1");
  await delay(practiceDelayMillis, undefined, { ref: false });
  for (let round = 0; round < practiceRounds; round++) {
    await nextTurn();
    parse(practice);
  }
}

function parseToJson(grammar: Grammar, sql: string): string {
  const text = handOver(grammar, sql);
  // PgQueryParseResult is three pointers: the tree as JSON, what was written to stderr, the error.
  const result = grammar._wasm_parse_query_raw(text);
  if (result === 0) throw new Error("out of memory");
  const memory = grammar.HEAPU8;
  const tree = pointerAt(memory, result);
  const failed = pointerAt(memory, result + 2 * pointerBytes) !== 0;
  const json = failed || tree === 0 ? "unparsable" : treeAt(memory, tree);
  grammar._free(text);
  grammar._wasm_free_parse_result(result);
  return json;
}

/** The trees as JSON, or an error message, in one string. */
function plpgsqlToJson(grammar: Grammar, definition: string): string {
  const text = handOver(grammar, definition);
  const result = grammar._wasm_parse_plpgsql(text);
  if (result === 0) throw new Error("out of memory");
  const json = treeAt(grammar.HEAPU8, result);
  grammar._free(text);
  grammar._wasm_free_string(result);
  return json.startsWith("{") || json.startsWith("[") || json === "too-long" ? json : "unparsable";
}

/** Copies a text into the parser's memory. */
function handOver(grammar: Grammar, sql: string): number {
  const maxBytes = sql.length * 3;
  const text = allocate(grammar, maxBytes + 1);
  const { written } = encoder.encodeInto(sql, grammar.HEAPU8.subarray(text, text + maxBytes));
  grammar.HEAPU8[text + written] = 0;
  return text;
}

function allocate(grammar: Grammar, bytes: number): number {
  const pointer = grammar._malloc(bytes);
  if (pointer === 0) throw new Error("out of memory");
  return pointer;
}

function pointerAt(memory: Uint8Array, address: number): number {
  return new DataView(memory.buffer).getUint32(address, true);
}

function treeAt(memory: Uint8Array, address: number): string {
  const end = memory.indexOf(0, address);
  if (end - address > maxTree) return "too-long";
  return Buffer.from(memory.buffer, address, end - address).toString();
}
