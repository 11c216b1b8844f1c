/** The codes of the warnings that the process emits meanwhile. */
export async function warningsOf(work: () => Promise<unknown>): Promise<string[]> {
  const codes: string[] = [];
  const note = (warning: Error): void => {
    codes.push((warning as { code?: string }).code ?? warning.name);
  };
  process.on("warning", note);
  try {
    await work();
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    process.off("warning", note);
  }
  return codes;
}
