import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A file with certificates, in a folder that nobody else can enter. There is no secret in it. */
export interface RootsFile {
  readonly path: string;
  remove(): void;
}

export function writeRoots(pem: string): RootsFile {
  const folder = mkdtempSync(join(tmpdir(), "pointsman-exec-"));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  // Also when this process ends by an error.
  process.once("exit", remove);
  const path = join(folder, "roots.pem");
  writeFileSync(path, pem);
  return { path, remove };
}
