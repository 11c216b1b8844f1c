#!/usr/bin/env node
// npm links a command only if its file is there when it installs: dist is not, before the first build.
import "../dist/cli.mjs";
