import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ClusterError } from "./errors.ts";

// The system identifier is the first field of pg_control, and the checksum the last, whose place
// differs between versions. https://doxygen.postgresql.org/structControlFileData.html
const SHORTEST = 200;
const LONGEST = 512;
// The system identifier's place in the long header of a WAL segment's first page.
// https://doxygen.postgresql.org/structXLogLongPageHeaderData.html
const PLACE_IN_WAL = 24;
const FIRST_SEGMENT = "000000010000000000000001";

/**
 * Makes a copied data folder that of a cluster of its own: servers tell clusters apart by a number
 * that initdb has chosen, and so does what connects to them.
 *
 * @param data the folder of a server that has never run
 * @throws ClusterError `INITDB_FAILED` when it is not as expected
 */
export async function giveIdentity(data: string): Promise<void> {
  const identity = newIdentity();
  const control = join(data, "global", "pg_control");
  await writeFile(control, withIdentity(await readFile(control), identity));
  const segment = join(data, "pg_wal", FIRST_SEGMENT);
  const wal = await readFile(segment);
  wal.writeBigUInt64LE(identity, PLACE_IN_WAL);
  await writeFile(segment, wal);
}

/** As PostgreSQL makes them, with seconds in front, but without a clash in the same second. */
function newIdentity(): bigint {
  return (BigInt(Math.floor(Date.now() / 1000)) << 32n) | BigInt(randomBytes(4).readUInt32LE());
}

function withIdentity(control: Buffer, identity: bigint): Buffer {
  const checksumAt = checksumPlace(control);
  const changed = Buffer.from(control);
  changed.writeBigUInt64LE(identity, 0);
  changed.writeUInt32LE(crc32c(changed.subarray(0, checksumAt)), checksumAt);
  return changed;
}

function checksumPlace(control: Buffer): number {
  for (let at = SHORTEST; at <= LONGEST; at += 4) {
    if (crc32c(control.subarray(0, at)) === control.readUInt32LE(at)) return at;
  }
  throw new ClusterError("INITDB_FAILED", "The control file that initdb made has no checksum.");
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value;
});

/** CRC-32C, which PostgreSQL guards its control file with. */
function crc32c(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (TABLE[(crc ^ byte) & 0xff] ?? 0);
  return (crc ^ 0xffffffff) >>> 0;
}
