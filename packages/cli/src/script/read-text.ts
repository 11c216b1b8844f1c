import { readFile } from "node:fs/promises";
import { text as allOf } from "node:stream/consumers";
import { CannotTell } from "../cannot-tell.ts";
import { reasonOf } from "../errors.ts";

/**
 * What stands in a file.
 *
 * @param path - `-`: standard input
 * @throws CannotTell
 */
export async function readText(path: string): Promise<string> {
  try {
    return path === "-" ? await allOf(process.stdin) : await readFile(path, "utf8");
  } catch (error) {
    throw new CannotTell(`The file cannot be read: ${reasonOf(error)}.`);
  }
}
