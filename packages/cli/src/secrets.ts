/** Variables that are secrets themselves. */
const secretVariables = [
  "PGPASSWORD",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN",
  "AWS_CONTAINER_AUTHORIZATION_TOKEN",
];

/** Such as `postgres`, on a laptop: it would be taken out of every sentence. */
const word = /^(.{0,5}|[a-z]{0,10})$/;

/**
 * What must not be printed, however it got into a text: an error that somebody else has worded may
 * quote anything.
 */
export class Secrets {
  readonly #known = new Set<string>();

  constructor(environment: Readonly<Record<string, string | undefined>>) {
    for (const name of secretVariables) this.add(environment[name]);
  }

  add(secret: string | undefined): void {
    if (secret === undefined || word.test(secret)) return;
    this.#known.add(secret);
    this.#known.add(encodeURIComponent(secret));
  }

  /** The text without them. */
  hide(text: string): string {
    const known = [...this.#known].reduce((rest, secret) => rest.replaceAll(secret, "***"), text);
    // Those of a token that was made out of our sight.
    return known.replaceAll(/(X-Amz-(?:Signature|Security-Token|Credential)=)[^&\s"]+/gi, "$1***");
  }
}
