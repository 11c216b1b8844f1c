// Holds the public types of each package against its checked-in report, packages/*/*.api.md.
// With --write the reports are brought up to date: `npm run api`, after `npm run build`.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Extractor, ExtractorConfig } from "@microsoft/api-extractor";

const write = process.argv.includes("--write");
const root = fileURLToPath(new URL("..", import.meta.url));
const temporary = mkdtempSync(join(tmpdir(), "pointsman-api-"));
const { exports } = JSON.parse(readFileSync(join(root, "packages/pointsman/package.json"), "utf8"));
const doors = Object.entries(exports)
  .filter(([, target]) => typeof target === "object")
  .map(([subpath]) => ["pointsman", subpath === "." ? "index" : subpath.slice(2)]);
let changed = false;

try {
  for (const [name, entry] of [...doors, ["local", "index"]]) {
    const report = entry === "index" ? name : entry;
    const folder = join(root, "packages", name);
    const config = ExtractorConfig.prepare({
      packageJsonFullPath: join(folder, "package.json"),
      configObjectFullPath: undefined,
      configObject: {
        projectFolder: folder,
        mainEntryPointFilePath: join(folder, `dist/${entry}.d.mts`),
        compiler: { tsconfigFilePath: join(root, "tsconfig.json") },
        apiReport: {
          enabled: true,
          reportFileName: report,
          reportFolder: folder,
          reportTempFolder: temporary,
          includeForgottenExports: true,
        },
        docModel: { enabled: false },
        dtsRollup: { enabled: false },
        tsdocMetadata: { enabled: false },
        messages: {
          extractorMessageReporting: {
            default: { logLevel: "none" },
            "ae-forgotten-export": { logLevel: "none" },
          },
          tsdocMessageReporting: { default: { logLevel: "none" } },
        },
      },
    });
    const result = Extractor.invoke(config, {
      localBuild: write,
      showVerboseMessages: false,
      messageCallback: (message) => {
        message.handled = message.logLevel !== "error";
      },
    });
    if (result.apiReportChanged) {
      changed = true;
      console.log(
        write
          ? `packages/${name}/${report}.api.md has been brought up to date.`
          : `The public API of packages/${name} differs from packages/${name}/${report}.api.md. If that is meant, run: npm run api`,
      );
    }
    if (result.errorCount > 0) process.exitCode = 1;
  }
} finally {
  rmSync(temporary, { recursive: true });
}
if (changed && !write) process.exitCode = 1;
