/** Tells what is wrong, and gives back the exit status. */
export function complain(message: string, status: number): number {
  process.stderr.write(`pointsman: ${message}\n`);
  return status;
}
