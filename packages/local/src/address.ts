/** Where a TCP connection can be opened. */
export interface Address {
  readonly host: string;
  readonly port: number;
}
