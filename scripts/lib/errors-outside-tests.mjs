// A reporter for vitest: the report "json" holds no errors that were thrown outside of any test.
// This one writes them into a file beside that report.
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

export const errorsFile = "errors-outside-tests.json";

export default class ErrorsOutsideTests {
  #file;

  onInit(vitest) {
    this.#file = join(dirname(vitest.config.outputFile.json), errorsFile);
  }

  onTestRunEnd(_modules, errors) {
    const told = errors.map((error) => ({
      file: error.VITEST_TEST_PATH,
      text: (error.stack ?? `${error.name}: ${error.message}`).split("\n", 6).join("\n"),
    }));
    writeFileSync(this.#file, JSON.stringify(told));
  }
}
