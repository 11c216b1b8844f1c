import type { ReadStream } from "node:tty";

export type Key = "quit" | "pause";

/** Has keys heard, where there is a keyboard. @returns ends it */
export function listenForKeys(input: ReadStream, pressed: (key: Key) => void): () => void {
  if (input.isTTY !== true) return () => {};
  const heard = (data: Buffer): void => {
    for (const key of keysIn(data.toString("latin1"))) pressed(key);
  };
  input.setRawMode(true);
  input.on("data", heard);
  input.resume();
  return () => {
    input.off("data", heard);
    input.setRawMode(false);
    input.pause();
  };
}

/** What was pressed; keys that send sequences, such as arrows, mean nothing. */
export function keysIn(data: string): readonly Key[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what keys send
  const pressed = data.replaceAll(/\x1b(?:\[[0-?]*[ -/]*[@-~]|O[A-Za-z])/g, "");
  return [...pressed].flatMap((key): Key[] => {
    if (key === "p" || key === "P") return ["pause"];
    return "qQ\x03\x1b".includes(key) ? ["quit"] : [];
  });
}
