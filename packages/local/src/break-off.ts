import type { Socket } from "node:net";

/**
 * Breaks a connection, with no word of farewell. One that is just saying it is closed instead: it
 * cannot be reset any more, and Node would neither free it nor emit `close`.
 */
export function breakOff(socket: Socket): void {
  if (socket.writableEnded && !socket.writableFinished) socket.destroy();
  else socket.resetAndDestroy();
}
