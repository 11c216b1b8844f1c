import {
  type Count,
  findCount,
  findResult,
  type Result,
  type Table,
} from "../harness/benchmark.ts";
import { kindsOfText } from "./distinct-texts.ts";
import type { WayToRead } from "./growing-accesses.ts";
import {
  byCallers,
  byReaders,
  heldByCallers,
  heldByTexts,
  keptAfterCallers,
  overTexts,
  overTextsBy,
} from "./growth-names.ts";

/** How far each thing grows: what has a row in a table, if it was measured. */
export interface Growth {
  readonly texts: readonly number[];
  readonly callers: readonly number[];
  readonly readers: readonly number[];
  /** Callers where it is not they who grow. */
  readonly callersAtOnce: number;
  readonly heldTexts: readonly number[];
  readonly heldCallers: readonly number[];
}

/** The tables of a document: rates, client CPU, their ratios, and memory. */
export function growthTables(
  results: readonly Result[],
  counts: readonly Count[],
  growth: Growth,
): Table[] {
  const { callersAtOnce: at } = growth;
  const find =
    (comparison: string, by: (way: WayToRead) => string, callers: number) => (way: WayToRead) =>
      findResult(results, comparison, by(way), callers);
  const named = (way: WayToRead): string => way;
  return [
    ...kindsOfText.map((kind) =>
      pace(
        `Distinct ${kind}, ${at} callers`,
        "texts",
        growth.texts.map((count) => [
          count,
          find(overTexts(kind, count), (way) => overTextsBy(way, kind, count), at),
        ]),
      ),
    ),
    pace(
      "Callers at once",
      "callers",
      growth.callers.map((count) => [count, find(byCallers, named, count)]),
    ),
    pace(
      `Readers, ${at} callers`,
      "readers",
      growth.readers.map((count) => [count, find(byReaders(count), named, at)]),
    ),
    memory(counts, growth),
  ].filter(({ rows }) => rows.length > 0);
}

type Find = (way: WayToRead) => Result | undefined;

function pace(
  title: string,
  growing: string,
  rows: readonly (readonly [count: number, Find])[],
): Table {
  return {
    title,
    head: [
      growing,
      "pg.Pool, ops/s",
      "pointsman, ops/s",
      "ratio",
      "pg.Pool, CPU/op",
      "pointsman, CPU/op",
      "ratio",
    ],
    rows: rows.flatMap(([count, find]) => {
      const [theirs, own] = [find("pg.Pool"), find("pointsman")];
      if (theirs === undefined || own === undefined) return [];
      return [
        [
          grouped(count),
          grouped(Math.round(theirs.operationsPerSecond.median)),
          grouped(Math.round(own.operationsPerSecond.median)),
          ratio(own.throughputRatio?.median),
          micros(theirs.cpuNs.median),
          micros(own.cpuNs.median),
          ratio(own.cpuRatio?.median),
        ],
      ];
    }),
  };
}

function memory(counts: readonly Count[], { heldTexts, heldCallers }: Growth): Table {
  const row = (name: string, by: (way: WayToRead) => string): string[][] => {
    const [theirs, own] = (["pg.Pool", "pointsman"] as const).map(
      (way) => findCount(counts, by(way))?.median,
    );
    if (theirs === undefined || own === undefined) return [];
    return [[name, megabytes(theirs), megabytes(own)]];
  };
  return {
    title: "Memory of the process, beyond what it holds before",
    head: ["", "pg.Pool", "pointsman"],
    rows: [
      ...kindsOfText.flatMap((kind) =>
        heldTexts.flatMap((count) =>
          row(`after ${overTexts(kind, count)}`, (way) => heldByTexts(way, kind, count)),
        ),
      ),
      ...heldCallers.flatMap((count) => [
        ...row(`while ${grouped(count)} callers wait`, (way) => heldByCallers(way, count)),
        ...row(`after ${grouped(count)} callers`, (way) => keptAfterCallers(way, count)),
      ]),
    ],
  };
}

function grouped(value: number): string {
  return value.toLocaleString("en");
}

function ratio(value: number | undefined): string {
  return value === undefined ? "" : value.toFixed(2);
}

function micros(ns: number): string {
  return `${(ns / 1000).toFixed(1)} µs`;
}

/** Freed memory is a small negative number. */
function megabytes(value: number): string {
  const shown = value.toFixed(2);
  return `${shown === "-0.00" ? "0.00" : shown} MB`;
}
