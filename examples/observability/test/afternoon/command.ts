import { parseArgs } from "node:util";
import { hasPrometheus, needsPrometheus } from "../support/prometheus.ts";
import { play } from "./play.ts";
import type { Scenario } from "./scenario.ts";
import { scenarios } from "./scenarios.ts";
import { type Stage, setStage } from "./stage.ts";
import { teller } from "./teller.ts";

// `npm run afternoon`: breaks one thing after another, and shows how that shows.
const help = `npm run afternoon -w @pointsman/example-observability -- [OPTION...]

Starts a cluster, the shop on it, its customers and Prometheus, breaks one thing after another, and
prints the alerts that fire, the dashboard's panels, the shop's log, and what pointsman top and
pointsman doctor show. Alerts look back and wait for seconds here, not for minutes.

  --only WORDS   only what has these words in its name
  --list         names what is broken, and ends
  --rate NUMBER  customers a second (25)
  --help         this text
`;

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    list: { type: "boolean", default: false },
    rate: { type: "string", default: "25" },
    help: { type: "boolean", default: false },
  },
});
const chosen = scenarios.filter(({ name }) =>
  name.toLowerCase().includes(values.only.toLowerCase()),
);

if (values.help) process.stdout.write(help);
else if (values.list) for (const { name } of scenarios) console.log(name);
else if (chosen.length === 0) fail(`Nothing has "${values.only}" in its name: --list names all.`);
else if (!(Number(values.rate) > 0)) fail("--rate wants a number above 0.");
else if (!hasPrometheus) fail(`The afternoon ${needsPrometheus}.`);
else await spend(chosen, Number(values.rate));

async function spend(chosen: readonly Scenario[], rate: number): Promise<void> {
  console.log("Starting a cluster, the shop, its customers and Prometheus.");
  let stage: Stage | undefined;
  const leave = (status: number) => () => {
    // Whatever has been started by then is ended when this process exits.
    void Promise.resolve(stage?.stop()).finally(() => process.exit(status));
  };
  process.once("SIGINT", leave(130));
  process.once("SIGTERM", leave(143));
  stage = await setStage(rate);
  try {
    console.log(`The shop is at ${stage.shop.url}, Prometheus at ${stage.prometheus.url}.`);
    for (const scenario of chosen) await play(stage, scenario, teller(stage));
  } finally {
    await stage.stop();
  }
}

function fail(message: string): void {
  console.error(message);
  process.exitCode = 2;
}
