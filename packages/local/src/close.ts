import type { Socket } from "node:net";

/** Closes a connection at once, whatever waits to be sent, and waits until it is. */
export async function close(socket: Socket): Promise<void> {
  if (socket.closed) return;
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.destroy();
  await closed;
}
