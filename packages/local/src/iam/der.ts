/**
 * The distinguished encoding rules of ASN.1, as far as certificates need them.
 *
 * @see https://www.itu.int/rec/T-REC-X.690
 */
export const der = {
  sequence: (...content: Buffer[]): Buffer => element(0x30, ...content),
  set: (...content: Buffer[]): Buffer => element(0x31, ...content),
  true: (): Buffer => element(0x01, Buffer.of(0xff)),
  /** A number that is not negative, its bytes in order. */
  integer: (bytes: Uint8Array): Buffer =>
    element(0x02, (bytes[0] ?? 0) < 0x80 ? Buffer.from(bytes) : Buffer.of(0, ...bytes)),
  bits: (bytes: Uint8Array, unused = 0): Buffer =>
    element(0x03, Buffer.of(unused), Buffer.from(bytes)),
  octets: (...content: Buffer[]): Buffer => element(0x04, ...content),
  /** An object identifier: "2.5.4.3". */
  oid,
  text: (text: string): Buffer => element(0x0c, Buffer.from(text, "utf8")),
  /** A time before 2050, to the second. */
  time: (time: Date): Buffer =>
    element(0x17, Buffer.from(`${time.toISOString().replace(/\D/g, "").slice(2, 14)}Z`)),
  /** `[number]` with other elements inside. */
  tagged: (number: number, ...content: Buffer[]): Buffer => element(0xa0 | number, ...content),
  /** `[number]` in the place of an element's own tag. */
  implicit: (number: number, content: Buffer): Buffer => element(0x80 | number, content),
};

function element(tag: number, ...content: Buffer[]): Buffer {
  const body = Buffer.concat(content);
  return Buffer.concat([Buffer.of(tag), length(body.length), body]);
}

function length(value: number): Buffer {
  if (value < 0x80) return Buffer.of(value);
  if (value < 0x100) return Buffer.of(0x81, value);
  return Buffer.of(0x82, value >> 8, value & 0xff);
}

function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second];
  for (const arc of rest) {
    const groups = [arc & 0x7f];
    for (let left = arc >> 7; left > 0; left >>= 7) groups.unshift((left & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return element(0x06, Buffer.from(bytes));
}
