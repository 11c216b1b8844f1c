import { LRUCache } from "lru-cache";
import { judgeText, tooLong } from "./judge-text.ts";
import { isOpaque } from "./opaque.ts";
import { ownCopy } from "./own-copy.ts";
import { shapeOf } from "./shape.ts";
import { TextIndex } from "./text-index.ts";
import { TextVariety } from "./text-variety.ts";
import type { Classification } from "./types.ts";

/** Options of {@link createClassifier}. */
export interface ClassifierOptions {
  /**
   * The longest text that is parsed, in bytes of UTF-8. Default: 65,536. A longer one is not looked
   * at and counts as a write, with the verdict `too-long`: parsing takes time in proportion to the
   * length, and the event loop waits.
   */
  readonly maxParseBytes?: number;
  /**
   * How many texts are remembered, and how many shapes: texts with different values in them, of
   * which one was parsed. Default: 10,000 each.
   */
  readonly maxEntries?: number;
  /**
   * How much memory the remembered texts and their verdicts may take, and how much the shapes and
   * theirs, in bytes (an estimate). Default: 16,777,216 (16 MiB) each.
   */
  readonly maxBytes?: number;
}

/** What a classifier has done so far, and what it holds. */
export interface ClassifierStats {
  /** Texts that are remembered now. */
  readonly entries: number;
  /** Shapes that are remembered now: texts with values in them, whatever the values are. */
  readonly shapes: number;
  /** The memory that all of them are estimated to take. */
  readonly bytes: number;
  /** Texts that were answered from memory, by themselves or by their shape, and those that were not. */
  readonly hits: number;
  readonly misses: number;
  /** Texts that were parsed; a miss that was too long was not. */
  readonly parses: number;
}

/** A text, or the shape of texts that differ in their values only, and what it does. */
export interface KnownText<Note> {
  /** The text; of a shape, the shape, which is no SQL. */
  readonly text: string;
  /** Whether it is a shape: its texts come with ever other values, and none is worth preparing. */
  readonly varies: boolean;
  readonly verdict: Classification;
  /**
   * What its user wants to find again with the text, or with any text of the shape, for as long as it
   * is remembered.
   */
  note: Note | undefined;
}

/** Tells what texts do, and remembers it. */
export interface Classifier {
  /** Tells what a text does; see {@link classify}. */
  classify(sql: string): Classification;
  stats(): ClassifierStats;
}

/** A classifier whose user notes things along with the texts. */
export interface AnnotatedClassifier<Note> extends Classifier {
  /** Tells what a text does, and what was noted of it. */
  lookUp(sql: string): KnownText<Note>;
}

const defaults = {
  maxParseBytes: 65_536,
  maxEntries: 10_000,
  maxBytes: 16 * 1024 * 1024,
} as const;

/**
 * Makes a classifier with a memory of its own.
 *
 * The memory is bounded in entries and in bytes, whichever comes first, and forgets what was not
 * used for the longest time. Some ORMs write values into the text, so that no two are alike: these
 * are known by their shape, the text without its values, wherever no value can change the verdict.
 *
 * @throws RangeError for an option that is not a positive integer.
 * @example
 * const classifier = createClassifier({ maxEntries: 1000 });
 * classifier.classify("select 1").reader; // true
 * classifier.stats().misses; // 1
 */
export function createClassifier(options: ClassifierOptions = {}): Classifier {
  const { classify, stats } = annotatedClassifier(options);
  return { classify, stats };
}

/** As {@link createClassifier}; what is noted of a text is forgotten with it. */
export function annotatedClassifier<Note>(
  options: ClassifierOptions = {},
): AnnotatedClassifier<Note> {
  const maxParseBytes = positive(options, "maxParseBytes");
  const bounds = {
    max: positive(options, "maxEntries"),
    maxSize: positive(options, "maxBytes"),
    sizeCalculation: retainedBytes,
  };
  const index = new TextIndex<KnownText<Note>>();
  const texts = new LRUCache<string, KnownText<Note>>({
    ...bounds,
    dispose: (known) => index.delete(known),
  });
  const shapes = new LRUCache<string, KnownShape<Note>>(bounds);
  let hits = 0;
  let misses = 0;
  let parses = 0;

  const keep = (sql: string, verdict: Classification): KnownText<Note> => {
    const known = { text: ownCopy(sql), varies: false, verdict, note: undefined };
    texts.set(known.text, known);
    // One that alone takes more than all may take is not kept.
    if (texts.has(known.text)) index.add(known);
    return known;
  };

  const lookUp = (sql: string): KnownText<Note> => {
    if (typeof sql !== "string") {
      throw new TypeError(`classify needs the text of a statement, not ${described(sql)}.`);
    }
    const known = index.get(sql);
    if (known !== undefined) {
      hits++;
      // Who was used last matters only once something may soon have to be forgotten.
      if (texts.size * 2 >= texts.max || texts.calculatedSize * 2 >= texts.maxSize) {
        texts.get(known.text);
      }
      return known;
    }
    if (isLonger(sql, maxParseBytes)) {
      misses++;
      return { text: sql, varies: false, verdict: tooLong, note: undefined };
    }
    const shape = shapeOf(sql);
    const alike = shape === undefined ? undefined : shapes.get(shape);
    if (alike !== undefined) {
      hits++;
      // A literal may be always the same (status = 'open'). Such a text is found without being read
      // from now on, and may be prepared.
      return alike.variety.comesAgain(sql) ? keep(sql, alike.verdict) : alike;
    }
    misses++;
    parses++;
    const verdict = judgeText(sql);
    // What was not parsed says nothing of others.
    if (shape === undefined || isOpaque(verdict)) return keep(sql, verdict);
    const text = ownCopy(shape);
    const variety = new TextVariety(sql);
    const made = { text, varies: true, verdict, note: undefined, variety };
    shapes.set(text, made);
    return made;
  };

  return {
    classify: (sql) => lookUp(sql).verdict,
    lookUp,
    stats: () => ({
      entries: texts.size,
      shapes: shapes.size,
      bytes: texts.calculatedSize + shapes.calculatedSize,
      hits,
      misses,
      parses,
    }),
  };
}

/** A shape, and which of its texts have come. */
interface KnownShape<Note> extends KnownText<Note> {
  readonly variety: TextVariety;
}

const shared = createClassifier();

/**
 * Tells what a text of SQL does, as far as the text alone can tell: whether it reads or writes,
 * which relations and functions it names, what it leaves behind on its connection, and whether a
 * reader can run it.
 *
 * Synchronous. The first call loads PostgreSQL's parser (some 40 ms), unless a pool was made before,
 * which loads it ahead of its first statement; after that a new text costs
 * tens of microseconds, a known one less than a fifth of one, and one that differs from a known one
 * in its values only some few. The answer is frozen, and shared between calls.
 *
 * A text that PostgreSQL's grammar does not accept, or that is longer than 65,536 bytes, counts as a
 * write (verdicts `unparsable`, `too-long`). An empty one, or one of nothing but comments, is a read
 * (`empty`): there is nothing in it that could belong anywhere.
 *
 * What the text does not show, the answer does not know: what stands behind a view, a rule, a cast, a
 * domain or an operator; a user's function that overloads a builtin's name, or that is called like a
 * column (`t.f` for `f(t)`; builtins called like that are known); an unlogged table; a sequence that
 * is read as a table. It reads strings as the server does with `standard_conforming_strings` on, the
 * default, and commands of PostgreSQL 18 and older.
 *
 * @param sql the text, of one or several statements; `$1` and kin stand for values.
 * @throws TypeError if `sql` is not a string.
 * @example
 * classify("select * from orders where id = $1").reader; // true
 * classify("select * from orders for update").verdict; // "row-lock"
 * classify("insert into orders default values").writes; // [{ name: "orders" }]
 */
export function classify(sql: string): Classification {
  return shared.classify(sql);
}

/** Length in bytes only where the number of characters leaves it open. */
function isLonger(sql: string, maxBytes: number): boolean {
  if (sql.length > maxBytes) return true;
  return sql.length * 3 > maxBytes && Buffer.byteLength(sql) > maxBytes;
}

/**
 * What an entry holds on to: its text, its verdict and its places in the memory. Measured over
 * 50,000 texts or shapes of each of some kinds, the heap grew by 88 to 96 % of this.
 */
function retainedBytes({ text: sql, verdict: judged }: KnownText<unknown>): number {
  const named = judged.reads.length + judged.writes.length + judged.functions.length;
  const text = Buffer.byteLength(sql) === sql.length ? sql.length : sql.length * 2;
  return 800 + text + named * 80 + judged.statements.length * 100;
}

function positive(options: ClassifierOptions, name: keyof ClassifierOptions): number {
  const value = options[name] ?? defaults[name];
  if (Number.isInteger(value) && value > 0) return value;
  throw new RangeError(`${name} must be a positive integer, not ${value}.`);
}

function described(value: unknown): string {
  return value === null ? "null" : typeof value === "object" ? "an object" : typeof value;
}
