import { setTimeout as pause } from "node:timers/promises";
import { startLoad } from "./customers.ts";

// `npm run load`: customers of the shop at SHOP_URL, until it is stopped.
const { SHOP_URL = "http://localhost:3000", RATE = "50" } = process.env;

const load = startLoad(SHOP_URL, Number(RATE));
let open = true;
const close = (): void => {
  open = false;
};
process.once("SIGTERM", close);
process.once("SIGINT", close);
while (open) {
  await pause(1_000);
  const { answered, failed } = load.counts;
  console.log(`${answered} requests answered, ${failed} failed`);
}
await load.stop();
