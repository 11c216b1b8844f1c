import { expect, test } from "vitest";
import { Conversation } from "../src/conversation.ts";

function message(type: string, body = ""): Buffer {
  const head = Buffer.alloc(5, type);
  head.writeInt32BE(Buffer.byteLength(body) + 4, 1);
  return Buffer.concat([head, Buffer.from(body)]);
}

const startup = Buffer.from("\0\0\0\x14\0\x03\0\0user\0app\0\0\0\0", "latin1");
const sslRequest = Buffer.from("\0\0\0\x08\x04\xd2\x16\x2f", "latin1");
const ready = message("Z", "I");
const parse = (name: string) => message("P", `${name}\0SELECT 1\0\0\0`);

function loggedIn(): Conversation {
  const conversation = new Conversation();
  conversation.readClient(startup);
  conversation.readServer(Buffer.concat([message("R", "\0\0\0\0"), ready]));
  return conversation;
}

test("a client is quiet once it is logged in, and after each answer", () => {
  const conversation = new Conversation();
  conversation.readClient(startup);
  expect([conversation.quiet, conversation.startup]).toEqual([false, undefined]);
  conversation.readServer(Buffer.concat([message("R", "\0\0\0\0"), ready]));
  expect([conversation.quiet, conversation.startup]).toEqual([true, startup]);
  conversation.readClient(Buffer.concat([message("Q", "a\0"), message("Q", "b\0")]));
  conversation.readServer(ready);
  expect(conversation.quiet).toBe(false);
  conversation.readServer(ready);
  expect(conversation.quiet).toBe(true);
});

test("a client is not quiet in a transaction, before its Sync, or within a message", () => {
  for (const [said, answered] of [
    [message("Q", "BEGIN\0"), message("Z", "T")],
    [message("Q", "BEGIN\0"), message("Z", "E")],
    [parse(""), message("1")],
    [message("Q", "SELECT 1\0").subarray(0, 7), Buffer.alloc(0)],
  ] as const) {
    const conversation = loggedIn();
    conversation.readClient(said);
    conversation.readServer(answered);
    expect(conversation.quiet).toBe(false);
  }
});

test("named statements are there from their ParseComplete until they are closed or discarded", () => {
  const conversation = loggedIn();
  const sync = message("S");
  conversation.readClient(Buffer.concat([parse("one"), parse(""), parse("two"), sync]));
  expect(conversation.prepared).toEqual([]);
  conversation.readServer(Buffer.concat([message("1"), message("1"), message("1"), ready]));
  expect(conversation.prepared).toEqual([parse("one"), parse("two")]);
  conversation.readClient(Buffer.concat([parse("three"), sync, message("C", "Sone\0"), sync]));
  conversation.readServer(Buffer.concat([message("E"), ready, message("3"), ready]));
  expect(conversation.prepared).toEqual([parse("two")]);
  conversation.readClient(message("Q", "DISCARD ALL\0"));
  conversation.readServer(Buffer.concat([message("C", "DISCARD ALL\0"), ready]));
  expect([conversation.prepared, conversation.quiet]).toEqual([[], true]);
});

test("a Sync during COPY FROM STDIN is not answered", () => {
  const conversation = loggedIn();
  conversation.readClient(message("Q", "COPY t FROM STDIN\0"));
  conversation.readServer(message("G", "\0\0\0"));
  conversation.readClient(Buffer.concat([message("d", "1\n"), message("S"), message("c")]));
  conversation.readServer(ready);
  expect(conversation.quiet).toBe(true);
});

test("encryption that is refused is not in the way; what is encrypted cannot be followed", () => {
  const plain = new Conversation();
  plain.readClient(sslRequest);
  plain.readServer(Buffer.from("N"));
  plain.readClient(startup);
  plain.readServer(ready);
  expect(plain.quiet).toBe(true);

  const encrypted = new Conversation();
  encrypted.readClient(sslRequest);
  encrypted.readServer(Buffer.from("S"));
  encrypted.readClient(startup);
  encrypted.readServer(ready);
  expect([encrypted.quiet, encrypted.startup]).toEqual([false, undefined]);
});
