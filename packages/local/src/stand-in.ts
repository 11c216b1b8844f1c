import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { Address } from "./address.ts";
import { identifier } from "./identifier.ts";
import { readExactly } from "./read-exactly.ts";
import { MECHANISM, Scram } from "./scram.ts";
import { formatStartup, parseStartup } from "./startup-message.ts";

/** A backend that is to take the place of another one. */
export interface StandInOptions {
  readonly at: Address | { readonly path: string };
  /** A superuser who may log in there. */
  readonly credentials: { readonly user: string; readonly password: string };
  /** The StartupMessage of the client whose backend it will be. */
  readonly startup: Buffer;
  /** Parse messages of the statements that the client has prepared. */
  readonly prepared: readonly Buffer[];
}

export interface StandIn {
  readonly socket: Socket;
  /** Its key to cancel with, as text of one byte a character. */
  readonly key: string;
}

interface Message {
  readonly type: string;
  readonly body: Buffer;
}

/**
 * Opens a backend in the name of a client, up to where it waits for the client's next word. Rejects
 * when the server does not let it.
 */
export async function openStandIn(options: StandInOptions): Promise<StandIn> {
  const socket = connect({ ...options.at, allowHalfOpen: true, noDelay: true });
  try {
    await once(socket, "connect");
    socket.on("error", () => {});
    const key = await logIn(socket, options);
    // A statement that cannot be prepared there is missing, and the client hears so when it uses it.
    for (const parse of options.prepared) {
      socket.write(Buffer.concat([parse, format("S", "")]));
      await readUntilReady(socket);
    }
    return { socket, key };
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

async function logIn(socket: Socket, { startup, credentials }: StandInOptions): Promise<string> {
  const { protocol, parameters } = parseStartup(startup);
  const { user = "", database = user } = parameters;
  socket.write(
    formatStartup({ protocol, parameters: { ...parameters, user: credentials.user, database } }),
  );
  const scram = new Scram(credentials.password);
  let key = "";
  for (;;) {
    const { type, body } = await readMessage(socket);
    if (type === "E") throw refused(body);
    if (type === "K") key = body.toString("latin1");
    if (type === "R" && body.readInt32BE(0) === 10) {
      const first = Buffer.from(scram.first);
      const length = Buffer.alloc(4);
      length.writeInt32BE(first.length, 0);
      socket.write(format("p", Buffer.concat([Buffer.from(`${MECHANISM}\0`), length, first])));
    } else if (type === "R" && body.readInt32BE(0) === 11) {
      socket.write(format("p", await scram.final(body.toString("utf8", 4))));
    } else if (type === "Z") break;
  }
  if (user !== credentials.user) {
    socket.write(format("Q", `SET SESSION AUTHORIZATION ${identifier(user)}\0`));
    const failed = (await readUntilReady(socket)).find(({ type }) => type === "E");
    if (failed) throw refused(failed.body);
  }
  return key;
}

async function readUntilReady(socket: Socket): Promise<readonly Message[]> {
  const messages: Message[] = [];
  while (messages.at(-1)?.type !== "Z") messages.push(await readMessage(socket));
  return messages;
}

async function readMessage(socket: Socket): Promise<Message> {
  const head = await readExactly(socket, 5);
  const body = head && (await readExactly(socket, head.readInt32BE(1) - 4));
  if (head === undefined || body === undefined) throw new Error("the server hung up");
  return { type: head.toString("latin1", 0, 1), body };
}

function format(type: string, body: string | Buffer): Buffer {
  const content = Buffer.from(body);
  const head = Buffer.alloc(5, type);
  head.writeInt32BE(content.length + 4, 1);
  return Buffer.concat([head, content]);
}

function refused(fields: Buffer): Error {
  return new Error(fields.toString("utf8").replaceAll("\0", " "));
}
