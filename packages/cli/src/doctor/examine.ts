import { reasonOf } from "../errors.ts";
import type { Secrets } from "../secrets.ts";
import type { Check } from "./checks/check.ts";
import { bad, type Finding, skipped } from "./finding.ts";

/** What one check has found. */
export interface Line extends Finding {
  readonly check: string;
  readonly milliseconds: number;
}

/**
 * Runs checks one after another; one that needs a failed one is skipped.
 *
 * @param timeoutMillis for each check
 * @param report hears of each line as soon as there is one
 */
export async function examine<Subject>(
  checks: readonly Check<Subject>[],
  subject: Subject,
  timeoutMillis: number,
  secrets: Secrets,
  report: (line: Line) => void,
): Promise<readonly Line[]> {
  const lines: Line[] = [];
  /** By each check that cannot be built upon: the one that has failed first. */
  const causes = new Map<string, string>();
  for (const check of checks) {
    const start = performance.now();
    const cause = check.needs
      .map((need) => causes.get(need))
      .find((failed) => failed !== undefined);
    const finding =
      cause === undefined
        ? await withinTime(check, subject, timeoutMillis)
        : skipped(`not checked, since ${cause} failed`);
    if (cause !== undefined) causes.set(check.name, cause);
    else if (finding.mark === "bad") causes.set(check.name, check.name);
    const line = {
      check: check.name,
      ...hidden(finding, secrets),
      milliseconds: Math.round(performance.now() - start),
    };
    lines.push(line);
    report(line);
  }
  return lines;
}

async function withinTime<Subject>(
  { look, slow }: Check<Subject>,
  subject: Subject,
  timeoutMillis: number,
): Promise<Finding> {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Finding>((resolve) => {
    timer = setTimeout(() => {
      const seconds = timeoutMillis / 1000;
      resolve(bad(`no answer within ${seconds} s`, slow ?? "Give it more time: --timeout."));
      controller.abort();
    }, timeoutMillis);
  });
  try {
    const looking = look(subject, controller.signal, timeoutMillis).catch((error) =>
      bad(
        `unexpected: ${reasonOf(error)}`,
        "That is the server's own answer; its log may tell more.",
      ),
    );
    return await Promise.race([late, looking]);
  } finally {
    clearTimeout(timer);
  }
}

function hidden({ mark, found, remedy }: Finding, secrets: Secrets): Finding {
  return {
    mark,
    found: secrets.hide(found),
    ...(remedy === undefined ? {} : { remedy: secrets.hide(remedy) }),
  };
}
