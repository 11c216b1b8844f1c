import { expect, test } from "vitest";
import { scenarios } from "../../examples/observability/test/afternoon/scenarios.ts";
import { alertRules, rulesOf } from "../../examples/observability/test/support/files.ts";
import { readDocument } from "./documents.ts";

const runbook = readDocument("docs/runbook.md");
const alerts = rulesOf(alertRules).map(({ name }) => name);
const [, ...sections] = runbook.text.split(/^## (?=Pointsman)/m);
const named = sections.map((section) => section.split("\n")[0] ?? "");

test("docs/runbook.md has a section for each alert of the example, and no other", () => {
  expect(named.toSorted()).toEqual(alerts.toSorted());
});

test("the links of the alerts lead to their sections", () => {
  for (const { annotations } of rulesOf(alertRules)) {
    const [path, anchor = ""] = annotations["runbook_url"]?.split("#") ?? [];
    expect(path).toBe(runbook.path);
    expect(runbook.anchors).toContain(anchor);
  }
});

test("its list of alerts has each alert once", () => {
  const [list] = runbook.tables;
  expect(list?.rows.map(({ cells }) => /\[(\w+)\]/.exec(cells[0] ?? "")?.[1])).toEqual(named);
});

test.each(sections.map((section, at) => [named[at], section] as const))(
  "%s says what it means, how it looks, and what to do",
  (_, section) => {
    const parts = [...section.matchAll(/^\*\*(.+?)\*\*/gm)].map(([, part]) => part);
    expect(parts).toEqual([
      "What it means.",
      "What you see.",
      "What to do now.",
      "So that it does not come again.",
    ]);
    expect(section).toContain("```text\nfiring");
  },
);

test("every alert was caused on the afternoon that its excerpts are from", () => {
  const caused = new Set(scenarios.flatMap((scenario) => scenario.alerts));
  expect(alerts.filter((name) => !caused.has(name))).toEqual([]);
});
