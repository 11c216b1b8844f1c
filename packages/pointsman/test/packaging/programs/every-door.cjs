// Loads every subpath of the package by require and by import, and names those that are not there.
const { exports: doors } = require("pointsman/package.json");

async function main() {
  const missing = [];
  for (const door of Object.keys(doors)) {
    const name = door.replace(/^\./, "pointsman");
    if (name.endsWith(".json")) continue;
    const exported = [require(name), await import(name)].map((one) => Object.keys(one).length);
    if (exported.includes(0)) missing.push(name);
  }
  console.log(JSON.stringify({ doors: Object.keys(doors).length, missing }));
}

main();
