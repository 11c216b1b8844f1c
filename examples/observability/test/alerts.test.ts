import { describe, expect, it } from "vitest";
import { alertRules, pathOf, rulesOf } from "./support/files.ts";
import { hasPrometheus, needsPrometheus } from "./support/prometheus.ts";
import { ask, promtool, type Scraped } from "./support/promtool.ts";

interface Case {
  readonly alert: string;
  /** What has happened, and whether the alert fires then. */
  readonly when: string;
  readonly fires: boolean;
  readonly scraped: Scraped;
  /** When it is looked at. */
  readonly at: string;
}

const firing = (alert: string, when: string, at: string, scraped: Scraped): Case => ({
  alert,
  when,
  fires: true,
  at,
  scraped,
});
const silent = (alert: string, when: string, at: string, scraped: Scraped): Case => ({
  alert,
  when,
  fires: false,
  at,
  scraped,
});

const statements = (role: string, reason: string): string =>
  `pointsman_statements_total{role="${role}", reason="${reason}", endpoint="db:5432"}`;
const answers = (error: string): string =>
  `pointsman_statement_duration_seconds_count{role="writer", operation="SELECT", error="${error}"}`;
const within = (le: string): string =>
  `pointsman_statement_duration_seconds_bucket{role="reader", operation="SELECT", error="", le="${le}"}`;
const connects = (error: string): string =>
  `pointsman_connection_create_seconds_count{role="writer", endpoint="db:5432", error="${error}"}`;
const waiting = 'pointsman_connections_waiting{role="writer"}';
const available = 'pointsman_reader_available{endpoint="reader:5432"}';
const lag = 'pointsman_reader_lag_seconds{endpoint="reader:5432"}';
const timeouts = 'pointsman_connection_timeouts_total{role="reader"}';
const waitingForClient = 'pointsman_connections_waiting{role="client"}';
const withoutClient = 'pointsman_connection_timeouts_total{role="client"}';

const cases: readonly Case[] = [
  firing("PointsmanWriterLost", "the writer is looked for all the time", "1m", {
    pointsman_writer_searching: "0 1x10",
  }),
  silent("PointsmanWriterLost", "the writer was found soon", "1m", {
    pointsman_writer_searching: "0 1 0x10",
  }),
  firing("PointsmanFailover", "the writer was looked for once", "2m", {
    pointsman_failovers_total: "0x4 1x10",
  }),
  silent("PointsmanFailover", "that was long ago", "12m", {
    pointsman_failovers_total: "0 1x80",
  }),
  firing("PointsmanReaderUnavailable", "a reader is out", "3m", { [available]: "1 0x20" }),
  silent("PointsmanReaderUnavailable", "it was out for a moment", "3m", {
    [available]: "1 0x3 1x20",
  }),
  firing("PointsmanReaderLagging", "a reader is far behind", "3m", { [lag]: "8x20" }),
  silent("PointsmanReaderLagging", "it has caught up", "3m", { [lag]: "8x4 0x20" }),
  silent("PointsmanReaderLagging", "it is a little behind", "3m", { [lag]: "2x20" }),
  firing("PointsmanReadsOnWriter", "half of the reads find no reader that is far enough", "12m", {
    [statements("writer", "reader-behind")]: "0+10x60",
    [statements("reader", "plain-read")]: "0+10x60",
  }),
  firing("PointsmanReadsOnWriter", "there is no reader at all", "12m", {
    [statements("writer", "reader-unavailable")]: "0+10x60",
  }),
  silent("PointsmanReadsOnWriter", "a tenth of the reads does", "12m", {
    [statements("writer", "write-pending")]: "0+1x60",
    [statements("reader", "plain-read")]: "0+9x60",
  }),
  silent("PointsmanReadsOnWriter", "the writer is busy with what belongs there", "12m", {
    [statements("writer", "data-change")]: "0+90x60",
    [statements("reader", "plain-read")]: "0+1x60",
  }),
  firing("PointsmanRefusals", "a reader has refused a statement", "3m", {
    pointsman_refusals_total: "0x4 1x20",
  }),
  silent("PointsmanRefusals", "that was long ago, and the text is remembered", "17m", {
    pointsman_refusals_total: "0 1x80",
    pointsman_refused_texts: "0 1x80",
  }),
  firing("PointsmanConnectFailures", "tokens are refused for the first time", "2m", {
    [connects("")]: "10x20",
    [connects("28P01")]: "_x4 3x20",
  }),
  firing("PointsmanConnectFailures", "tokens are refused again", "12m", {
    [connects("28P01")]: "3x41 8x20",
  }),
  silent("PointsmanConnectFailures", "tokens were refused before", "9m", {
    [connects("28P01")]: "3x60",
  }),
  silent("PointsmanConnectFailures", "one connection could not be opened", "2m", {
    [connects("ECONNREFUSED")]: "_x4 1x20",
  }),
  silent("PointsmanConnectFailures", "connections are opened", "2m", {
    [connects("")]: "0+10x20",
  }),
  firing("PointsmanPoolExhausted", "somebody waits all the time", "2m", { [waiting]: "2x20" }),
  firing("PointsmanPoolExhausted", "somebody got no connection", "3m", { [timeouts]: "0x4 1x20" }),
  firing("PointsmanPoolExhausted", "callers of connect() wait, and no statement does", "2m", {
    [waiting]: "0x20",
    [waitingForClient]: "500x20",
  }),
  firing("PointsmanPoolExhausted", "somebody got no client of connect()", "3m", {
    [withoutClient]: "0x4 1x20",
  }),
  silent("PointsmanPoolExhausted", "somebody waits now and then", "2m", {
    [waiting]: "0 2 0 2 0x20",
    [waitingForClient]: "2 0 2 0 2 0x20",
  }),
  firing("PointsmanWriteOutcomeUnknown", "it is so for the first time", "2m", {
    [answers("WRITE_OUTCOME_UNKNOWN")]: "_x4 1x20",
    [answers("")]: "0+900x20",
  }),
  firing("PointsmanWriteOutcomeUnknown", "it is so once more", "12m", {
    [answers("WRITE_OUTCOME_UNKNOWN")]: "3x41 4x20",
    [answers("")]: "0+900x60",
  }),
  silent("PointsmanWriteOutcomeUnknown", "that was long ago", "15m", {
    [answers("WRITE_OUTCOME_UNKNOWN")]: "_ 1x80",
    [answers("")]: "0+900x80",
  }),
  firing("PointsmanErrors", "one of twenty statements fails for the server", "8m", {
    [answers("57P01")]: "0+5x40",
    [answers("")]: "0+95x40",
  }),
  silent("PointsmanErrors", "statements fail for what they say", "8m", {
    [answers("23505")]: "0+5x40",
    [answers("40001")]: "0+5x40",
    [answers("")]: "0+90x40",
  }),
  silent("PointsmanErrors", "callers give up one of twenty statements", "8m", {
    [answers("AbortError")]: "0+5x40",
    [answers("")]: "0+95x40",
  }),
  firing("PointsmanErrors", "one of twenty takes longer than its caller waits", "8m", {
    [answers("TimeoutError")]: "0+5x40",
    [answers("")]: "0+95x40",
  }),
  firing("PointsmanErrors", "one of twenty takes longer than query_timeout", "8m", {
    [answers("QueryTimeout")]: "0+5x40",
    [answers("")]: "0+95x40",
  }),
  firing("PointsmanErrors", "one of twenty fails with an error that has no code", "8m", {
    [answers("Error")]: "0+5x40",
    [answers("")]: "0+95x40",
  }),
  silent("PointsmanErrors", "one of a hundred fails", "8m", {
    [answers("57P01")]: "0+1x40",
    [answers("")]: "0+99x40",
  }),
  firing("PointsmanSlow", "one of ten takes more than half a second", "12m", {
    [within("0.5")]: "0+90x60",
    [within("1")]: "0+100x60",
    [within("+Inf")]: "0+100x60",
  }),
  silent("PointsmanSlow", "one of thirty does", "12m", {
    [within("0.5")]: "0+97x60",
    [within("1")]: "0+100x60",
    [within("+Inf")]: "0+100x60",
  }),
];

describe.skipIf(!hasPrometheus)(`promtool${hasPrometheus ? "" : ` (${needsPrometheus})`}`, () => {
  it("finds nothing wrong with the rules and the configuration", () => {
    const rules = rulesOf(alertRules).length;
    expect(promtool("check", "rules", pathOf("prometheus/alerts.yml"))).toEqual({
      status: 0,
      said: expect.stringContaining(`SUCCESS: ${rules} rules found`),
    });
    expect(promtool("check", "config", pathOf("prometheus/prometheus.yml"))).toEqual({
      status: 0,
      said: expect.stringContaining("1 rule files found"),
    });
  });

  const told = cases.map((one) => ({
    ...one,
    does: one.fires ? "fires, and no other," : "is silent",
  }));

  it.each(told)("$alert $does when $when", ({ alert, fires, scraped, at }) => {
    const { status, said } = ask({ pointsman_writer_searching: "0x100", ...scraped }, [
      {
        expr: 'sum by (alertname, pool) (ALERTS{alertstate="firing"})',
        eval_time: at,
        exp_samples: fires ? [{ labels: `{alertname="${alert}", pool="main"}`, value: 1 }] : [],
      },
    ]);
    expect(status, said).toBe(0);
  });
});

it("every alert is tried both ways: when it must fire, and when it must not", () => {
  for (const { name } of rulesOf(alertRules)) {
    const tried = cases.filter(({ alert }) => alert === name).map(({ fires }) => fires);
    expect(new Set(tried), name).toEqual(new Set([true, false]));
  }
});
