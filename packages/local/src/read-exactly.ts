import type { Readable } from "node:stream";

/** Reads so many bytes and leaves the rest; `undefined` when the stream ends before. */
export function readExactly(stream: Readable, count: number): Promise<Buffer | undefined> {
  if (count === 0) return Promise.resolve(Buffer.alloc(0));
  return new Promise((resolve) => {
    const settle = (result: Buffer | undefined) => {
      stream.off("readable", attempt).off("end", giveUp).off("close", giveUp);
      resolve(result);
    };
    const giveUp = () => settle(undefined);
    const attempt = () => {
      const bytes: Buffer | null = stream.read(count);
      // A stream that has ended gives what is left.
      if (bytes !== null) settle(bytes.length === count ? bytes : undefined);
    };
    if (stream.destroyed || stream.readableEnded) {
      resolve(undefined);
      return;
    }
    stream.on("readable", attempt).on("end", giveUp).on("close", giveUp);
    attempt();
  });
}
