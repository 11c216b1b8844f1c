// Loads a bundle as the runtime of Lambda does, and calls its handler twice.
const { pathToFileURL } = require("node:url");

async function main() {
  const [file, note] = process.argv.slice(2);
  const { handler } = file.endsWith(".mjs")
    ? await import(pathToFileURL(file).href)
    : require(file);
  const first = await handler({ note });
  const second = await handler({ note });
  console.log(JSON.stringify({ first, second }));
  // Lambda ends a process without asking it.
  process.exit();
}

main();
