import { tokenOf, withToken } from "pointsman/jobs";
import { expect, expectTypeOf, test } from "vitest";
import { FakePool } from "./support/fake-pool.ts";

test("a token goes into the payload of a job, and comes out of it", async () => {
  const pool = new FakePool();
  const payload = await pool.session(async (session) => {
    await pool.write();
    return withToken({ order: 7 }, session);
  });
  expect(payload).toEqual({ order: 7, pointsmanToken: "p.1" });
  expect(tokenOf(JSON.parse(JSON.stringify(payload)))).toBe("p.1");
  expectTypeOf(payload.order).toEqualTypeOf<number>();
});

test("the payload that was given is not changed", () => {
  const payload = Object.freeze({ order: 7 });
  expect(withToken(payload, { token: "t" })).toEqual({ order: 7, pointsmanToken: "t" });
});

test.each([undefined, { token: undefined }])(
  "nothing goes in where the session is %j",
  (session) => {
    expect(withToken({ order: 7 }, session)).toEqual({ order: 7 });
  },
);

test.each([undefined, null, "text", 7, [], {}, { pointsmanToken: 7 }])(
  "nothing comes out of %j",
  (payload) => {
    expect(tokenOf(payload)).toBeUndefined();
  },
);
