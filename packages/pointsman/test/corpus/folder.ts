import { chmodSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder that a server may write to, whoever it runs as. */
export class Folder {
  readonly path = mkdtempSync(join(tmpdir(), "pointsman-corpus-"));

  constructor() {
    chmodSync(this.path, 0o777);
  }

  /** Whether anything has been written, which is then removed. */
  emptied(): boolean {
    const names = readdirSync(this.path);
    for (const name of names) rmSync(join(this.path, name), { recursive: true, force: true });
    return names.length > 0;
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
