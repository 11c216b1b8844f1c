import { parts } from "#grammar-parts";

/** What of the WebAssembly build of PostgreSQL's parser is used. */
export interface Grammar {
  readonly _malloc: (bytes: number) => number;
  readonly _free: (pointer: number) => void;
  readonly _wasm_parse_query_raw: (text: number) => number;
  readonly _wasm_free_parse_result: (result: number) => void;
  readonly _wasm_parse_plpgsql: (text: number) => number;
  readonly _wasm_free_string: (text: number) => void;
  /** All of its memory, as it is now: a new view after the memory has grown. */
  readonly HEAPU8: Uint8Array;
}

/** What is used of WebAssembly, which the types of Node 20 do not declare. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => WasmModule;
  readonly Instance: new (module: WasmModule, imports: object) => WasmInstance;
};
interface WasmModule {
  readonly [Symbol.toStringTag]: "WebAssembly.Module";
}
interface WasmInstance {
  readonly exports: Readonly<Record<string, unknown>>;
}

/**
 * The export that runs the module's constructors, by the name that the pinned version of
 * libpg-query gave it (its `initRuntime` calls it). A test holds it against the package.
 */
export const constructorsExport = "A";

let compiled: WasmModule | undefined;

/**
 * Makes a new instance of the parser, at once.
 *
 * libpg-query only offers to load itself asynchronously, and a verdict cannot wait: a statement
 * takes its place in the queue in the very call that submits it. The factory that Emscripten wrote
 * runs synchronously up to the first `await`, and by then it has handed us the imports; we do the
 * rest of its work ourselves (instantiate, run the constructors) and stop its own asynchronous
 * start, which would run the constructors a second time and reset the parser's memory under us.
 *
 * The compiled module is kept (compiling takes some 10 ms), so another instance is cheap.
 */
export function createGrammar(): Grammar {
  const module = compileGrammar();
  const factory = parts.factory();
  let instance: WasmInstance | undefined;
  const grammar = {
    instantiateWasm(imports: object, receive: (instance: WasmInstance) => void) {
      instance = new WebAssembly.Instance(module, imports);
      receive(instance);
    },
    preRun: [
      () => {
        throw alreadyStarted;
      },
    ],
    print: ignore,
    printErr: ignore,
  };
  factory(grammar).catch(ignore);
  const start = instance?.exports[constructorsExport];
  if (typeof start !== "function") {
    throw new Error(
      "The SQL parser did not start. Pointsman needs exactly the version of libpg-query that it " +
        "depends on: check for an override or a bundler that replaces it.",
    );
  }
  start();
  return grammar as unknown as Grammar;
}

/** Compiles the parser, if that has not been done yet. */
export function compileGrammar(): WasmModule {
  compiled ??= new WebAssembly.Module(parts.wasm());
  return compiled;
}

const alreadyStarted = new Error("The parser is started by pointsman.");

function ignore(): void {}
