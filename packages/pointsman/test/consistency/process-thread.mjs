// A thread is not given the loader that its parent runs with, so it brings its own.
import { register } from "tsx/esm/api";

register();
await import("./process-thread.ts");
