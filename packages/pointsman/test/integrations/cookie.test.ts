import { describe, expect, test } from "vitest";
import {
  type CookieForm,
  readCookies,
  replaceCookies,
  setCookieHeader,
  tokensOfCookies,
} from "../../src/integrations/cookie.ts";
import { tokensOfHeader } from "../../src/integrations/token-text.ts";

const form: CookieForm = { name: "seen", secure: true, sameSite: "lax", maxAgeSeconds: 60 };

describe("reading cookies", () => {
  test.each<[string | undefined, string[]]>([
    [undefined, []],
    ["", []],
    ["theme=dark; other.abcdefgh=t1", []],
    ["seen.abcdefgh=t1", ["t1"]],
    ["a=b; seen.abcdefgh=t1;seen.ABCD_-12=t2 ; c=d", ["t1", "t2"]],
    ["seen=t1; seen.short=t2; seen.toolong123=t3; seenX.abcdefgh=t4; xseen.abcdefgh=t5", []],
    ["seen.abcdefgh", []],
    ["seen.abcdefgh=; seen.abcdefgi=t 1; seen.abcdefgj=t,1; seen.abcdefgk=%41", []],
    [`seen.abcdefgh=${"t".repeat(257)}`, []],
    [`seen.abcdefgh=${"t".repeat(256)}`, ["t".repeat(256)]],
  ])("%j has the tokens %j", (header, tokens) => {
    expect(tokensOfCookies(readCookies(header, "seen"))).toEqual(tokens);
  });

  test("takes the last sixteen: browsers send the newest at the end", () => {
    const header = Array.from({ length: 20 }, (_, at) => `seen.0000000${at % 10}=t${at}`).join(";");
    const tokens = tokensOfCookies(readCookies(header, "seen"));
    expect([tokens.length, tokens[0], tokens[15]]).toEqual([16, "t4", "t19"]);
  });
});

describe("reading a header", () => {
  test.each<[string | undefined, string[]]>([
    [undefined, []],
    ["", []],
    ["t1", ["t1"]],
    ["t1, t2 ,t3", ["t1", "t2", "t3"]],
    ["t 1, <t2>, t3", ["t3"]],
  ])("%j has the tokens %j", (header, tokens) => {
    expect(tokensOfHeader(header)).toEqual(tokens);
  });

  test("takes the last sixteen", () => {
    const header = Array.from({ length: 20 }, (_, at) => `t${at}`).join(",");
    expect(tokensOfHeader(header)).toHaveLength(16);
  });
});

test("a cookie that takes the place of others lets them expire with the same attributes", () => {
  const replaced = [{ name: "seen.abcdefgh", token: "t1" }];
  expect(replaceCookies("t2", replaced, form).map(setCookieHeader)).toEqual([
    expect.stringMatching(
      /^seen\.[\w-]{8}=t2; Path=\/; Max-Age=60; HttpOnly; Secure; SameSite=Lax$/,
    ),
    "seen.abcdefgh=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax",
  ]);
});

test("what is set is what is read", () => {
  const [cookie] = replaceCookies("v1.abc_-~", [], form);
  const header = `${cookie?.name}=${cookie?.value}`;
  expect(tokensOfCookies(readCookies(header, "seen"))).toEqual(["v1.abc_-~"]);
});
