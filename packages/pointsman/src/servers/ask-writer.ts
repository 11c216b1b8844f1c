import type { EndpointClient } from "./endpoint-client.ts";
import type { SettlingPool } from "./settling-pool.ts";

/** How long the writer may take to say where it stands, in milliseconds. */
const deadlineMillis = 2000;

/**
 * Asks the writer something on a connection of its pool.
 *
 * @returns `undefined` when it cannot be asked, or takes too long
 */
export function askWriter<T>(
  writer: SettlingPool,
  question: (client: EndpointClient) => Promise<T | undefined>,
): Promise<T | undefined> {
  return new Promise((resolve) => {
    const late = setTimeout(resolve, deadlineMillis, undefined).unref();
    writer.acquire((_error, client, release) => {
      const answer = (value: T | undefined): void => {
        clearTimeout(late);
        resolve(value);
      };
      if (client === undefined) {
        answer(undefined);
        return;
      }
      question(client as unknown as EndpointClient).then((value) => {
        release();
        answer(value);
      });
    });
  });
}
