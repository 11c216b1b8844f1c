import type { Labelled } from "./run.ts";
import { type Topic, topics } from "./statement.ts";

/** What can be told of a rule: the two ways to be wrong. */
export interface Mistakes {
  /** Needed the writer, and would go to a reader. */
  readonly unsafe: number;
  /** Could be read on a reader, and would go to the writer. */
  readonly missed: number;
}

/** The numbers of some statements. */
export interface Score {
  /** Those that count: the writer accepts them. */
  readonly statements: number;
  /** Needing the writer: a reader refuses them, or accepts them wrongly. */
  readonly refused: number;
  readonly wrong: number;
  /** A reader could serve them. */
  readonly readable: number;
  readonly router: Mistakes;
  readonly texts: Mistakes;
  readonly keyword: Mistakes;
  readonly tree: Mistakes;
}

export interface Scores {
  /** By topic; answers about one server are counted in `arguable` alone. */
  readonly topics: ReadonlyMap<Topic, Score>;
  readonly sum: Score;
  readonly arguable: Score;
  /** Statements that the writer does not accept either. */
  readonly neither: number;
}

export function scoresOf(labelled: readonly Labelled[]): Scores {
  const counting = labelled.filter(({ label }) => label.needs !== "neither");
  const sure = counting.filter(({ label }) => !label.arguable);
  const names = Object.keys(topics) as Topic[];
  return {
    topics: new Map(
      names.map((name) => [
        name,
        scoreOf(sure.filter(({ statement }) => statement.topic === name)),
      ]),
    ),
    sum: scoreOf(sure),
    arguable: scoreOf(counting.filter(({ label }) => label.arguable)),
    neither: labelled.length - counting.length,
  };
}

/** Of what a reader could serve, the share that goes to the writer. */
export function missedShare({ readable, router }: Score): number {
  return readable === 0 ? 0 : router.missed / readable;
}

function scoreOf(statements: readonly Labelled[]): Score {
  const writer = statements.filter(({ label }) => label.needs === "writer");
  const reader = statements.filter(({ label }) => label.needs === "reader");
  const mistakes = (rule: keyof Labelled["routes"]): Mistakes => ({
    unsafe: writer.filter(({ routes }) => routes[rule] === "reader").length,
    missed: reader.filter(({ routes }) => routes[rule] === "writer").length,
  });
  const refused = writer.filter(({ label }) => label.refused).length;
  return {
    statements: statements.length,
    refused,
    wrong: writer.length - refused,
    readable: reader.length,
    router: mistakes("router"),
    texts: mistakes("texts"),
    keyword: mistakes("keyword"),
    tree: mistakes("tree"),
  };
}

/** The statements that the router would send to the wrong side. */
export function offending(labelled: readonly Labelled[]): {
  readonly unsafe: Labelled[];
  readonly missed: Labelled[];
} {
  const sure = labelled.filter(({ label }) => !label.arguable);
  return {
    unsafe: sure.filter(
      ({ label, routes }) => label.needs === "writer" && routes.router === "reader",
    ),
    missed: sure.filter(
      ({ label, routes }) => label.needs === "reader" && routes.router === "writer",
    ),
  };
}
