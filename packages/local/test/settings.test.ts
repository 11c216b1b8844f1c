import { expect, test } from "vitest";
import { parsePasswd } from "../src/account.ts";
import { resolveOptions } from "../src/options.ts";
import { formatConninfo, formatSettings } from "../src/settings.ts";

test.each([
  [{ work_mem: "4MB" }, "work_mem = '4MB'\n"],
  [{ "my.text": "it's" }, "my.text = 'it''s'\n"],
  [{ a: "back\\slash" }, "a = 'back\\\\slash'\n"],
  [{ a: "two\nlines" }, "a = 'two\\nlines'\n"],
  [{ a: "1", b: "2" }, "a = '1'\nb = '2'\n"],
])("settings %j are written so that PostgreSQL reads them back", (settings, text) => {
  expect(formatSettings(settings as unknown as Record<string, string>)).toBe(text);
});

test("a connection string quotes what could end it", () => {
  expect(formatConninfo({ host: "127.0.0.1", port: 1, password: "a'b\\ c" })).toBe(
    "host='127.0.0.1' port='1' password='a\\'b\\\\ c'",
  );
});

test.each([
  [{ readers: -1 }, /readers is -1/],
  [{ readers: 16 }, /readers is 16/],
  [{ readers: 1.5 }, /readers is 1.5/],
  [{ portBase: 0 }, /portBase is 0/],
  [{ portBase: 65_534 }, /portBase is 65534/],
  [{ portBase: 65_530, readers: 1, iam: true }, /portBase is 65530: give a port with 8 in a row/],
  [{ iam: { region: "London" } }, /iam\.region is "London"/],
  [{ iam: { user: "" } }, /iam\.user is ""/],
  [{ iam: { user: "app" } }, /iam\.user is "app"/],
  [{ iam: { user: "rds_iam" } }, /iam\.user is "rds_iam"/],
  [{ iam: { user: "pg_user" } }, /iam\.user is "pg_user"/],
  [{ iam: { user: "ü".repeat(32) } }, /iam\.user is "ü+"/],
  [{ database: "" }, /database is empty/],
  [{ user: "" }, /^user is ""/],
  [{ password: "two\nlines" }, /password/],
  [{ settings: { port: "1" } }, /port is the cluster's own/],
  [{ settings: { CLUSTER_NAME: "x" } }, /CLUSTER_NAME is the cluster's own/],
  [{ settings: { "x = 1\ny": "z" } }, /no name of a setting/],
  [{ settings: { work_mem: 4 as unknown as string } }, /work_mem is number/],
])("options %j are refused", (options, message) => {
  expect(() => resolveOptions(options)).toThrow(
    expect.objectContaining({ code: "INVALID_OPTION", message: expect.stringMatching(message) }),
  );
});

test("a setting of the caller is stronger than logStatements", () => {
  const settings = { log_statement: "mod" };
  expect(resolveOptions({ logStatements: true }).settings).toEqual({ log_statement: "all" });
  expect(resolveOptions({ logStatements: true, settings }).settings).toEqual(settings);
});

test("each cluster gets a password of its own unless one is given", () => {
  expect(resolveOptions({}).password).not.toBe(resolveOptions({}).password);
  expect(resolveOptions({ password: "fixed" }).password).toBe("fixed");
});

test("accounts are read from a password file, comments and all", () => {
  const text = "# macOS\nnobody:*:-2:-2:Unprivileged User:/var/empty:/usr/bin/false\n\nbroken\n";
  expect(parsePasswd(text)).toEqual([{ name: "nobody", uid: -2, gid: -2 }]);
});
