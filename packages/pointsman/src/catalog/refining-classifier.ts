import type { AnnotatedClassifier, KnownText } from "../statements/classify.ts";
import type { Classification } from "../statements/types.ts";

/** Judges texts by more than what they say. */
export interface Refiner {
  /** Another one for each change of what is known. */
  readonly version: number;
  refine(text: string, facts: Classification): Classification;
}

/** A text as it is judged with what is known of its database. */
export interface RefinedText<Note> extends KnownText<Note> {
  verdict: Classification;
  version: number;
}

/** A classifier whose verdicts are those of another one, refined: once for each text and version. */
export function refiningClassifier<Note>(
  inner: AnnotatedClassifier<RefinedText<Note>>,
  refiner: Refiner,
): AnnotatedClassifier<Note> {
  const lookUp = (sql: string): KnownText<Note> => {
    const known = inner.lookUp(sql);
    const refined = known.note;
    if (refined !== undefined && refined.version === refiner.version) return refined;
    const verdict = refiner.refine(known.text, known.verdict);
    const { version } = refiner;
    if (refined === undefined) {
      const { text, varies } = known;
      known.note = { text, varies, verdict, version, note: undefined };
      return known.note;
    }
    refined.version = version;
    if (!isSame(refined.verdict, verdict)) {
      // What was noted of it was noted of something else.
      refined.verdict = verdict;
      refined.note = undefined;
    }
    return refined;
  };
  return { ...inner, lookUp, classify: (sql) => lookUp(sql).verdict };
}

function isSame(one: Classification, other: Classification): boolean {
  return (
    one === other ||
    (one.verdict === other.verdict &&
      one.functions.every(({ knowledge }, at) => other.functions[at]?.knowledge === knowledge))
  );
}
