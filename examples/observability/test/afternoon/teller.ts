import type { Sample } from "../support/prometheus.ts";
import type { Watcher } from "./play.ts";
import type { Stage } from "./stage.ts";

/** Prints what happens, for people. */
export function teller({ customers }: Stage, print: (text: string) => void = console.log): Watcher {
  const { answered, failed } = customers.counts;
  let linesSeen = 0;
  return {
    broken({ name, broken }) {
      print(`\n${"=".repeat(80)}\n${name}\n${broken}`);
    },
    seen({ alerts, panels, log, top, doctor }) {
      linesSeen = log.length;
      print(heading("alerts"));
      for (const { name, state, annotations } of alerts) {
        print(`${state.padEnd(8)} ${name}: ${annotations["summary"]}`);
      }
      print(heading("panels of the dashboard"));
      for (const { panel, samples } of panels) print(`${panel}\n${samples.map(line).join("\n")}`);
      print(heading("log"));
      print(shortened(log));
      print(heading("pointsman top"));
      print(top);
      print(heading("pointsman doctor"));
      print(doctor);
    },
    mended({ mended }) {
      print(heading("mended"));
      print(mended);
    },
    over(log, seconds) {
      print(shortened(log.slice(linesSeen)));
      print(`No alert is left after ${seconds.toFixed(0)} s.`);
      const now = customers.counts;
      print(`Customers: ${now.answered - answered} answered, ${now.failed - failed} told no.`);
    },
  };
}

const heading = (text: string): string => `\n--- ${text} ${"-".repeat(75 - text.length)}`;

function line({ labels, value }: Sample): string {
  const of = Object.entries(labels).map(([label, text]) => `${label}=${text}`);
  return `  ${of.join(" ")}  ${Number(value.toPrecision(3))}`;
}

/** The lines, of each kind the first two: a line is as the one before it up to a colon. */
function shortened(lines: readonly string[]): string {
  const seen = new Map<string, number>();
  const kept = lines.filter((text) => {
    const [, kind = text.replaceAll(/\d+/g, "N")] = /"message":"([^:"]*)/.exec(text) ?? [];
    const count = (seen.get(kind) ?? 0) + 1;
    seen.set(kind, count);
    return text !== "" && count <= 2;
  });
  return kept.join("\n");
}
