import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { startPgpool } from "../src/workloads/pgpool.ts";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pointsman-bench-"));
  vi.stubEnv("TMPDIR", folder);
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

it("a pgpool-II that does not start says why, and leaves nothing behind", async () => {
  const server = "postgres://app:secret@127.0.0.1:1/app";
  await expect(startPgpool("/nowhere/pgpool", server, server, 1)).rejects.toThrow(
    /pgpool-II did not start: .*\/nowhere\/pgpool/s,
  );
  expect(await readdir(folder)).toEqual([]);
});
