import { findBinaries } from "@pointsman/local";

/** The major version of the PostgreSQL that the suites run on: 14, 15, ... */
export const serverMajor = Number.parseInt((await findBinaries()).version, 10);
