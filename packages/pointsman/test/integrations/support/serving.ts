import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { CarryOptions } from "../../../src/integrations/carry-options.ts";
import type { FakePool } from "./fake-pool.ts";

/** Options that say nothing of the framework's requests. */
export type AnyOptions = Omit<CarryOptions<never>, "userId" | "onLateWrite"> & {
  readonly onLateWrite?: (late: { readonly token: string }) => void;
};

/** What a framework is to serve. */
export interface Stage {
  readonly pool: FakePool;
  readonly options: AnyOptions;
  /** Whose header `x-user` says who the user is; without it `userId` is not given. */
  readonly users: boolean;
  /** What a request for a path does; what it returns is sent as JSON. */
  readonly handlers: Readonly<Record<string, (body: string) => Promise<object>>>;
  /** What a request for `/stream` sends, piece by piece, when the headers have left. */
  stream(): AsyncGenerator<string>;
}

export interface Serving {
  readonly url: string;
  close(): Promise<void>;
}

/** Serves a stage with one framework, on a free port of 127.0.0.1. */
export type Serve = (stage: Stage) => Promise<Serving>;

export async function listening(server: Server): Promise<Serving> {
  if (!server.listening) {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  }
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
