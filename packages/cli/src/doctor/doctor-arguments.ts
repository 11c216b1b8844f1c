import { Mistake, readable } from "../command-line/description.ts";
import { exitStatuses } from "../exit-status.ts";

export interface DoctorCommand {
  readonly kind: "doctor";
  readonly json: boolean;
  /** For each check. */
  readonly timeoutMillis: number;
  /** For a service that must not write; `undefined`: for one that may. */
  readonly readOnly: { readonly allowWritesTo: readonly string[] } | undefined;
}

export const doctorArguments = readable(
  {
    name: "doctor",
    inShort: "check the way to the database",
    summary:
      "check every step of the way to the database, and tell what to mend; with --read-only, whether the database itself refuses writes",
    usage: ["[options]"],
    about: [
      "Walks the way to the database for each endpoint of the environment, from its name to the lag of a reader, and prints one line for each check: what was found and, where it is not right, what to do. It changes nothing.",
    ],
    operands: "none",
    options: {
      "read-only": {
        type: "boolean",
        says: "also check that the role which it logs in as can write nothing, and print the script of SQL that makes it so",
      },
      "allow-writes-to": {
        type: "string",
        value: "TABLE[,TABLE...]",
        multiple: true,
        completes: "nothing",
        says: "tables that may be written all the same, named as in the option allowWritesTo; needs --read-only",
      },
      json: { type: "boolean", says: "print one JSON object instead of a table" },
      timeout: {
        type: "string",
        value: "SECONDS",
        completes: "nothing",
        says: "the most that one check may take (default: 10)",
      },
    },
    environment: [
      [
        "DATABASE_URL and kin",
        "what the application has, DATABASE_POOL_MAX and DATABASE_READER_POOL_MAX included",
      ],
      ["NO_COLOR", "when set, no colour"],
    ],
    lists: {
      Marks: [
        ["ok", "as it should be"],
        ["look", "works, but is worth a look"],
        ["bad", "does not work, or will not for long"],
        ["skipped", "could not be checked, since something before it failed"],
      ],
    },
    exitStatuses: exitStatuses.doctor,
    examples: ["pointsman doctor", "pointsman doctor --read-only --allow-writes-to attempts"],
  },
  ({ values }): DoctorCommand => {
    const { json = false, timeout = "10", "read-only": isReadOnly = false } = values;
    const { "allow-writes-to": allowed = [] } = values;
    const seconds = Number(timeout);
    if (!(seconds > 0 && seconds <= 3600) || timeout.trim() === "") {
      throw new Mistake(`--timeout takes seconds, up to 3600, not ${JSON.stringify(timeout)}.`);
    }
    if (allowed.length > 0 && !isReadOnly) {
      throw new Mistake("--allow-writes-to has a meaning with --read-only only: give both.");
    }
    const allowWritesTo = allowed.flatMap(namesIn);
    if (allowWritesTo.some((name) => name === "")) {
      throw new Mistake("--allow-writes-to takes names of tables with commas between them.");
    }
    const readOnly = isReadOnly ? { allowWritesTo } : undefined;
    return { kind: "doctor", json, timeoutMillis: seconds * 1000, readOnly };
  },
);

/** The parts between commas; a comma in quotes is part of a name. */
function namesIn(list: string): string[] {
  return [...list.matchAll(/(?:^|,)((?:"[^"]*"|[^",]|"[^"]*$)*)/g)].map(([, name = ""]) =>
    name.trim(),
  );
}
