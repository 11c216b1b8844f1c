/**
 * URLs of the cluster's servers, by name ("writer", "reader1"…), with nothing in between. With a
 * gateway also the environment that it gives, by the names of the variables.
 */
export type Servers = Readonly<Record<string, string>>;
