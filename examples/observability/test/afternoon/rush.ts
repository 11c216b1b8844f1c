import { setTimeout as pause } from "node:timers/promises";

/** Many customers at once, again and again, so that one connection to a reader is not enough. */
export function startRush(url: string): { letGo(): Promise<void> } {
  let open = true;
  const visit = () =>
    fetch(`${url}/books`)
      .then((response) => response.arrayBuffer())
      .catch(() => {});
  const rush = (async () => {
    while (open) {
      await Promise.all(Array.from({ length: 12 }, visit));
      await pause(200);
    }
  })();
  return {
    async letGo() {
      open = false;
      await rush;
    },
  };
}
