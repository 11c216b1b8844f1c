import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("../../..", import.meta.url));

interface Run {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

function demo(args: readonly string[], onOutput?: (output: string, stop: () => void) => void) {
  return new Promise<Run>((resolve, reject) => {
    const { FORCE_COLOR: _, ...env } = process.env;
    const child = spawn(process.execPath, ["scripts/demo.mjs", ...args], {
      cwd: root,
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    let errors = "";
    child.stdout.setEncoding("utf8").on("data", (text) => {
      output += text;
      onOutput?.(output, () => child.kill("SIGINT"));
    });
    child.stderr.setEncoding("utf8").on("data", (text) => {
      errors += text;
    });
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, output, errors }));
  });
}

/** The first numbers of the summary's line about a server: statements and share. */
function line(output: string, server: string): { statements: number; share: number } {
  const found = new RegExp(`^  ${server} .*? ([\\d,]+) +([\\d.]+) %`, "m").exec(output);
  return { statements: Number(found?.[1]?.replaceAll(",", "")), share: Number(found?.[2]) };
}

it("shows where each statement went, and sums it up", { timeout: 120_000 }, async () => {
  const { code, output, errors } = await demo(["--seconds", "3", "--size", "0.05"]);
  expect({ code, errors }).toEqual({ code: 0, errors: "" });

  const [writer, reader1, reader2, all] = ["writer", "reader1", "reader2", "all"].map((server) =>
    line(output, server),
  );
  for (const server of [writer, reader1, reader2]) expect(server?.statements).toBeGreaterThan(0);
  const sum = (key: "statements" | "share") =>
    [writer, reader1, reader2].reduce((total, server) => total + (server?.[key] ?? 0), 0);
  expect(sum("statements")).toBe(all?.statements);
  expect(sum("share")).toBeCloseTo(100, 5);

  // A request, and beneath it what it took.
  expect(output).toMatch(/^GET \/health .* 200 .* ms\n( {2}→ (writer|reader\d) .* ms\n)+/m);
  expect(output).toMatch(/^ {2}plain-read +– +\d+ {2}It only reads/m);
  expect(output).toMatch(/^ {2}scope +\d+ +–/m);

  expect(output).not.toContain("\x1b");
  for (const text of output.split("\n")) expect(text.length).toBeLessThanOrEqual(100);
});

it("ends early on Ctrl-C, with a summary and nothing left over", { timeout: 120_000 }, async () => {
  const { code, output } = await demo(["--seconds", "600", "--size", "0.01"], (text, stop) => {
    if (text.includes("GET /")) stop();
  });
  expect(code).toBe(130);
  expect(output).toContain("Where the statements went");
});

it("refuses what it does not know with its help", async () => {
  const { code, errors } = await demo(["--second", "3"]);
  expect(code).toBe(1);
  expect(errors).toContain("Usage: npm run demo");
});
