/**
 * A WAL position as PostgreSQL writes it (`16/B374D848`, two hexadecimal halves of 32 bits), as a
 * number of bytes. Exact below 2^53, which is 8 PiB of WAL.
 *
 * @returns `undefined` for what is no position, or is too large to be exact
 */
export function parseLsn(text: string | null | undefined): number | undefined {
  const halves = /^([0-9A-F]{1,8})\/([0-9A-F]{1,8})$/i.exec(text ?? "");
  if (halves === null) return undefined;
  const [, high = "", low = ""] = halves;
  const at = Number.parseInt(high, 16) * 2 ** 32 + Number.parseInt(low, 16);
  return Number.isSafeInteger(at) ? at : undefined;
}

const pageBytes = 8192;
const pageHeaderBytes = 24;
const firstPageHeaderBytes = 40;

/**
 * The end of the last record before an insert position. Behind a page that is exactly full,
 * PostgreSQL names the insert position behind the header of the next page, where no reader gets to
 * before another record is written.
 *
 * @param segmentBytes - `wal_segment_size`
 */
export function endOfLastRecord(at: number, segmentBytes: number): number {
  if (at % segmentBytes === firstPageHeaderBytes) return at - firstPageHeaderBytes;
  const isFirstPage = at % segmentBytes < pageBytes;
  return !isFirstPage && at % pageBytes === pageHeaderBytes ? at - pageHeaderBytes : at;
}
