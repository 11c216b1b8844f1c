/** Something is bad, or a password could not be made, or what was asked cannot be told. */
export const EXIT_FAILED = 1;
/** Options or environment make no sense. */
export const EXIT_USAGE = 2;
/** The database could not be asked: routes are by the text alone. */
export const EXIT_BY_TEXT = 3;
/** There is no verdict, since what it takes could not be had. */
export const EXIT_NO_VERDICT = 3;
/** The program that was to be run is there, and cannot be run. */
export const EXIT_CANNOT_RUN = 126;
/** The program that was to be run does not exist. */
export const EXIT_NOT_FOUND = 127;

/** An exit status and what it means. */
type Meanings = Readonly<Record<string, string>>;

const usage = { [EXIT_USAGE]: "Options or environment make no sense." };

/** What each command says by its exit status: the help and the documents have it from here. */
export const exitStatuses = {
  exec: {
    [EXIT_FAILED]: "No password could be made.",
    ...usage,
    [EXIT_CANNOT_RUN]: "The program cannot be run.",
    [EXIT_NOT_FOUND]: "There is no such program.",
    "128+n": "Signal n ended the program.",
    other: "The program's own.",
  },
  doctor: {
    0: "Nothing is bad.",
    [EXIT_FAILED]: "Something is bad.",
    ...usage,
  },
  explain: {
    0: "It is told.",
    [EXIT_FAILED]:
      "It cannot be told: there is no such file, or --top finds no database or no pg_stat_statements.",
    ...usage,
    [EXIT_BY_TEXT]: "It is told by the text alone, since the database could not be asked.",
  },
  check: {
    0: "Every share is within its limit.",
    [EXIT_FAILED]: "A share is above its limit.",
    ...usage,
    [EXIT_NO_VERDICT]:
      "It could not be told: no database, no pg_stat_statements, no such file, or nothing in it.",
  },
  top: {
    0: "It was shown, and quit by a key.",
    [EXIT_FAILED]: "The source cannot be read at the start, or is gone at the end of --once.",
    ...usage,
    "128+n": "Signal n ended it.",
  },
  completion: {
    0: "The script is printed.",
    [EXIT_USAGE]: "There is no such shell.",
  },
} as const satisfies Record<string, Meanings>;
