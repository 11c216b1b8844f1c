let count = 0;

/** A transaction that is played as a savepoint of the one that everything runs in. */
export class Level {
  /** Of its savepoint. */
  readonly name = `pointsman_transaction_${++count}`;
  /** Whether something was written in it. */
  wrote = false;
  /** Savepoints that its own code has set, as far as they are known to be gone or not. */
  savepoints = 0;
  /** It has been found to wait for somebody else, who must not wait for it then. */
  yields = false;
  /** When its last statement was over, by `performance.now()`. */
  idleSince = performance.now();
  /** Texts of others that have written inside it, and how many savepoints there were then. */
  readonly guests: { readonly text: string; readonly savepoints: number }[] = [];
  /** Undone together with the one that it stood in. */
  undone = false;
}
