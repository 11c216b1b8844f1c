// Finds the binaries in the folder that is named, and prints them.
import { findBinaries } from "../../src/index.ts";

process.stdout.write(`${JSON.stringify(await findBinaries({ bin: process.argv[2] }))}\n`);
