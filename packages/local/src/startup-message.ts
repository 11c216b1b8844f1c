/** What a client asks for when it begins: the version of the protocol, and parameters. */
export interface Startup {
  readonly protocol: number;
  readonly parameters: Readonly<Partial<Record<string, string>>>;
}

/** Reads a StartupMessage. */
export function parseStartup(message: Buffer): Startup {
  const words = message.toString("utf8", 8, message.length - 2).split("\0");
  const parameters: Partial<Record<string, string>> = {};
  for (let at = 0; at + 1 < words.length; at += 2)
    parameters[words[at] ?? ""] = words[at + 1] ?? "";
  return { protocol: message.readInt32BE(4), parameters };
}

/** Writes a StartupMessage. */
export function formatStartup({ protocol, parameters }: Startup): Buffer {
  const words = Object.entries(parameters).map(([name, value]) => `${name}\0${value}\0`);
  const body = Buffer.from(`${words.join("")}\0`, "utf8");
  const head = Buffer.alloc(8);
  head.writeInt32BE(head.length + body.length, 0);
  head.writeInt32BE(protocol, 4);
  return Buffer.concat([head, body]);
}
