import fc from "fast-check";
import { expect, test } from "vitest";
import { MessageScanner } from "../src/message-scanner.ts";

function message(type: string, body: string): Buffer {
  const head = Buffer.alloc(5, type);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, Buffer.from(body)]);
}

test("messages are told apart however the stream is cut, and kept where that is wanted", () => {
  const messages = fc.array(
    fc.tuple(fc.constantFrom("A", "B"), fc.string({ unit: "binary-ascii", maxLength: 20 })),
  );
  fc.assert(
    fc.property(
      messages,
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
      (sent, cuts) => {
        const heard: [string, string][] = [];
        const scanner = new MessageScanner("A", (type, kept) =>
          heard.push([type, kept.toString("latin1")]),
        );
        const stream = Buffer.concat(sent.map(([type, body]) => message(type, body)));
        for (let at = 0, turn = 0; at < stream.length; turn += 1) {
          const size = cuts[turn % cuts.length] ?? 1;
          expect(scanner.read(stream.subarray(at, at + size))).toBe(true);
          at += size;
        }
        expect(scanner.within).toBe(false);
        expect(heard).toEqual(
          sent.map(([type, body]) => [
            type,
            type === "A" ? message(type, body).toString("latin1") : "",
          ]),
        );
      },
    ),
  );
});

test("what is not the protocol is noticed", () => {
  const scanner = new MessageScanner("", () => {});
  expect(scanner.read(Buffer.of(0x41, 0, 0, 0, 3))).toBe(false);
});
