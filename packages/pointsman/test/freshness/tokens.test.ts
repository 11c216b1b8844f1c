import fc from "fast-check";
import { mergeTokens } from "pointsman";
import { describe, expect, it } from "vitest";
import { type Carried, openToken, sealToken } from "../../src/consistency/token.ts";

const system = "7519284750192837465";
const at = (lsn: number, timeline = 1): Carried => ({
  kind: "position",
  position: { maker: "wal", system, timeline, at: lsn },
});

const carried: fc.Arbitrary<Carried> = fc.oneof(
  fc
    .record({
      maker: fc.constantFrom("wal" as const, "xid" as const),
      system: fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }).map(String),
      timeline: fc.nat(2 ** 31),
      at: fc.nat(Number.MAX_SAFE_INTEGER),
    })
    .map((position) => ({ kind: "position" as const, position })),
  fc.constant({ kind: "unknown" as const, system }),
  fc.nat(2 ** 45).map((until) => ({ kind: "window" as const, system, until })),
);

describe("a token", () => {
  it("says what it was made of, with a secret and without", () => {
    fc.assert(
      fc.property(carried, fc.boolean(), (what, hasSecret) => {
        const secrets = hasSecret ? ["a secret of some length"] : [];
        const token = sealToken(what, secrets);
        expect(openToken(token, secrets)).toEqual({ carried: what, signed: hasSecret });
        expect(token.length).toBeLessThan(130);
        expect(token).toMatch(/^[\w.-]+$/);
      }),
    );
  });

  it("that is garbled is none", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), (text) => {
        expect(openToken(text, ["a secret of some length"])).toBeUndefined();
      }),
    );
    for (const garbled of [
      "",
      "1",
      "1w",
      "1w.a.b",
      "1w.a.b.C",
      "2w.a.1.1",
      `1w.${"z".repeat(14)}.1.1`,
    ]) {
      expect(openToken(garbled, [])).toBeUndefined();
    }
    expect(openToken(17, [])).toBeUndefined();
    expect(openToken(`1w.a.1.${"1".repeat(200)}`, [])).toBeUndefined();
  });

  it("R19: cannot be made, nor changed, without the secret", () => {
    const secrets = ["the secret of today, a long one"];
    const token = sealToken(at(100), secrets);
    const signature = token.split(".").at(-1);
    expect(openToken(sealToken(at(100), []), secrets)).toBeUndefined();
    expect(openToken(sealToken(at(100), ["another secret of length"]), secrets)).toBeUndefined();
    expect(openToken(`${sealToken(at(101), [])}.${signature}`, secrets)).toBeUndefined();
    expect(
      openToken(`${token.slice(0, -1)}${token.endsWith("A") ? "B" : "A"}`, secrets),
    ).toBeUndefined();
  });

  it("is accepted under an older secret while secrets change", () => {
    const token = sealToken(at(100), ["the secret of yesterday"]);
    const secrets = ["the secret of today, a long one", "the secret of yesterday"];
    expect(openToken(token, secrets)?.signed).toBe(true);
  });

  it("that is signed is not understood where there is no secret to check it with", () => {
    const token = sealToken(at(100), ["the secret of yesterday"]);
    expect(openToken(token, [])).toEqual({ carried: at(100), signed: false });
  });
});

describe("R19: of several tokens the latest is carried on", () => {
  const [old, young, next] = [at(100), at(200), at(1, 2)].map((what) => sealToken(what, [])) as [
    string,
    string,
    string,
  ];
  const unknown = sealToken({ kind: "unknown", system }, []);

  it.each([
    [[old, young], young],
    [[young, old], young],
    [[young, next, old], next],
    [[young, unknown], unknown],
    [[unknown, young], unknown],
    [["nonsense", old, undefined, null], old],
    [["nonsense"], undefined],
    [[], undefined],
  ] as const)("%j: %s", (tokens, latest) => {
    expect(mergeTokens(...tokens)).toBe(latest);
  });
});
