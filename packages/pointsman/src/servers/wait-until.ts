/** Waits for something, but no longer than until then, by `performance.now()`. */
export async function waitUntil(something: Promise<void>, deadline: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, Math.max(0, deadline - performance.now()));
  });
  await Promise.race([something, late]);
  clearTimeout(timer);
}
