import { describe, expect, it } from "vitest";
import { settingsAfter, settingsIn } from "../../src/statements/session-settings.ts";

describe("settingsIn", () => {
  it.each([
    ["set search_path to a", "sets", ["search_path"]],
    ["SET SESSION Work_Mem = '8MB'", "sets", ["work_mem"]],
    ["set time zone 'UTC'", "sets", ["timezone"]],
    ["set names 'utf8'", "sets", ["client_encoding"]],
    ["set x.y to 1; set x.z to 2; reset x.y", "sets", ["x.y", "x.z"]],
    ["set work_mem to default", "sets", ["work_mem"]],
    ["set role app", "sets", ["role"]],
    ["set session authorization app", "sets", ["role", "session_authorization"]],
    ["reset work_mem", "resets", ["work_mem"]],
    ["reset all", "resets-all", []],
    ["discard all", "discards", []],
  ])("reads %j", (text, kind, names) => {
    expect(settingsIn(text)).toEqual({ text, kind, names });
  });

  it.each([
    "select 1",
    "set work_mem to '8MB'; select 1",
    "begin; set work_mem to '8MB'; commit",
    "set local work_mem to '8MB'",
    "set transaction read only",
    "set session characteristics as transaction read only",
    "set default_transaction_read_only to on",
    "reset all; set work_mem to '8MB'",
    "discard temp",
    "set nonsense",
    "",
  ])("leaves %j alone", (text) => {
    expect(settingsIn(text)).toBeUndefined();
  });
});

describe("settingsAfter", () => {
  const script = (...texts: string[]): string[] | undefined => {
    let list: ReturnType<typeof settingsAfter> = [];
    for (const text of texts) {
      const change = settingsIn(text);
      if (change === undefined) throw new Error(`${text} is no change of settings`);
      list = list && settingsAfter(list, change);
    }
    return list?.map(({ text }) => text);
  };

  it.each([
    [["set a.x to 1"], ["set a.x to 1"]],
    [["set a.x to 1", "set a.x to 2"], ["set a.x to 2"]],
    [
      ["set a.x to 1", "set a.y to 2"],
      ["set a.x to 1", "set a.y to 2"],
    ],
    [
      ["set a.x to 1; set a.y to 1", "set a.x to 2"],
      ["set a.x to 1; set a.y to 1", "set a.x to 2"],
    ],
    [["set a.x to 1", "reset a.x"], []],
    [
      ["set a.x to 1; set a.y to 1", "reset a.x"],
      ["set a.x to 1; set a.y to 1", "reset a.x"],
    ],
    [["reset a.x"], []],
    [["set a.x to 1", "reset all"], []],
    [["set a.x to 1", "set role app", "reset all"], ["set role app"]],
    [
      ["set role app; set a.x to 1", "reset all"],
      ["set role app; set a.x to 1", "reset all"],
    ],
    [["set role app", "set session authorization b"], ["set session authorization b"]],
    [["set a.x to 1", "set role app", "discard all"], []],
  ])("of %j is %j", (texts, expected) => {
    expect(script(...texts)).toEqual(expected);
  });

  it("is nothing where a new session would need too many texts", () => {
    const texts = Array.from({ length: 9 }, (_, at) => `set a.x${at} to 1`);
    expect([script(...texts.slice(1))?.length, script(...texts)]).toEqual([8, undefined]);
  });
});
