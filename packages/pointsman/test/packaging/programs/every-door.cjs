// Loads every subpath of the package by require and by import, and names those that are not there,
// and those that need a package that is not installed.
const { exports: doors } = require("pointsman/package.json");

async function main() {
  const missing = [];
  const needs = {};
  for (const door of Object.keys(doors)) {
    const name = door.replace(/^\./, "pointsman");
    if (name.endsWith(".json")) continue;
    for (const load of [require, (name) => import(name)]) {
      try {
        if (Object.keys(await load(name)).length === 0) missing.push(name);
      } catch (error) {
        const wanted = /Cannot find (?:module|package) '([^']+)'/.exec(error.message)?.[1];
        if (wanted === undefined) throw error;
        needs[name] = [...(needs[name] ?? []), wanted];
      }
    }
  }
  console.log(JSON.stringify({ doors: Object.keys(doors).length, missing, needs }));
}

main();
