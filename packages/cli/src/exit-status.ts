/** Something is bad, or a password could not be made, or what was asked cannot be told. */
export const EXIT_FAILED = 1;
/** Options or environment make no sense. */
export const EXIT_USAGE = 2;
/** The database could not be asked: routes are by the text alone. */
export const EXIT_BY_TEXT = 3;
/** The program that was to be run is there, and cannot be run. */
export const EXIT_CANNOT_RUN = 126;
/** The program that was to be run does not exist. */
export const EXIT_NOT_FOUND = 127;
