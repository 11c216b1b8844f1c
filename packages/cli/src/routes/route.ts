import type { Explanation, Target } from "pointsman";

/** What a read-only pool would not send. */
export interface Refusal {
  readonly refused: { readonly code: string; readonly message: string };
}

/** What became of the question where a text would go. */
export type Answer = Explanation | Refusal;

export type Place = Target | "nowhere";
export const places: readonly Place[] = ["reader", "writer", "nowhere"];

/** Where a text goes, or would without `shadow`, and why. */
export interface Route {
  readonly place: Place;
  /** A reason of the library, or the code of an error. */
  readonly reason: string;
  readonly because: string;
}

export function routeOf(answer: Answer): Route {
  if ("refused" in answer) {
    return { place: "nowhere", reason: answer.refused.code, because: answer.refused.message };
  }
  const { target, reason, because } = answer.shadow ?? answer;
  return { place: target, reason, because };
}

export const colours = { reader: "green", writer: "yellow", nowhere: "red" } as const;
