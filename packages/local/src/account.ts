import { readFileSync } from "node:fs";
import { ClusterError } from "./errors.ts";

/** An operating-system account that PostgreSQL runs as. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

// "nobody" owns no files, so a server that runs as nobody can touch nothing but its own folder.
const UNPRIVILEGED = ["nobody", "daemon"];

/**
 * The account to run PostgreSQL as, or `undefined` for the account of this process.
 *
 * PostgreSQL refuses to run as root, and initdb refuses an account without an entry in the
 * password file, so root needs an existing unprivileged one.
 */
export function serverAccount(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const accounts = parsePasswd(readPasswd());
  for (const name of UNPRIVILEGED) {
    const account = accounts.find((candidate) => candidate.name === name && candidate.uid !== 0);
    if (account) return account;
  }
  throw new ClusterError(
    "NO_ACCOUNT",
    "PostgreSQL refuses to run as root, and /etc/passwd has no account named " +
      `${UNPRIVILEGED.join(" or ")} to run it as. Add one, or run this as another user.`,
  );
}

function readPasswd(): string {
  try {
    return readFileSync("/etc/passwd", "utf8");
  } catch {
    return "";
  }
}

/** The accounts in a text of the form of /etc/passwd; lines that are not accounts are left out. */
export function parsePasswd(text: string): Account[] {
  const accounts: Account[] = [];
  for (const line of text.split("\n")) {
    const [name, , uid, gid] = line.split(":");
    if (!name || name.startsWith("#") || !uid || !gid) continue;
    accounts.push({ name, uid: Number(uid), gid: Number(gid) });
  }
  return accounts;
}
