/** Why what was asked cannot be told, as a sentence for people, and what to do. */
export class CannotTell extends Error {}
