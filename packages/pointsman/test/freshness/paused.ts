import type { Cluster } from "@pointsman/local";

/** Runs `work` while no reader replays anything. */
export async function paused<T>(cluster: Cluster, work: () => Promise<T>): Promise<T> {
  await cluster.pauseReplay();
  try {
    return await work();
  } finally {
    await cluster.resumeReplay();
  }
}
