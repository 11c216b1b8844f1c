/** What may stand behind an option that takes a value, or in the place of an operand. */
export type Completes = "files" | "nothing" | readonly string[];

interface Flag {
  readonly type: "boolean";
  readonly short?: string;
  /** What it is for, without a full stop; shells show it up to the first colon or semicolon. */
  readonly says: string;
}

interface Valued {
  readonly type: "string";
  readonly short?: string;
  /** What its value is called, such as `FILE`. */
  readonly value: string;
  /** What counts where the value is left out, if it may be. */
  readonly withoutValue?: string;
  /** Whether it may be given several times. */
  readonly multiple?: true;
  readonly completes: Completes;
  readonly says: string;
}

export type Option = Flag | Valued;
export type Options = Readonly<Record<string, Option>>;

/** A term and what it means, as a row of a list. */
export type Row = readonly [term: string, meaning: string];

/**
 * What stands behind the options. `program`: another program and its arguments, which are none of
 * ours, whatever they look like. `file`: a path, among other things.
 */
export type Operands = "none" | "program" | "text" | "file" | readonly string[];

/** A command: its help, what it accepts and what shells complete come from this one description. */
export interface Description<O extends Options = Options> {
  readonly name: string;
  /** In a few words, for what shells list. */
  readonly inShort: string;
  /** In the list of all commands. */
  readonly summary: string;
  /** What stands behind the name; a line for each way to call it. */
  readonly usage: readonly string[];
  /** What it does; a paragraph each. */
  readonly about: readonly string[];
  readonly operands: Operands;
  readonly options: O;
  readonly environment: readonly Row[];
  /** Other lists, by their titles. */
  readonly lists?: Readonly<Record<string, readonly Row[]>>;
  readonly exitStatuses: Readonly<Record<string, string>>;
  readonly examples: readonly string[];
}

/** The values of options, by their names; `undefined`: not given. */
export type Values<O extends Options> = {
  readonly [Name in keyof O]:
    | (O[Name] extends { readonly type: "boolean" }
        ? boolean
        : O[Name] extends { readonly multiple: true }
          ? readonly string[]
          : string)
    | undefined;
};

/** What was given to a command. */
export interface Given<O extends Options> {
  readonly values: Values<O>;
  readonly operands: readonly string[];
}

/** A command that can be read from the command line. */
export interface Readable<O extends Options, Command> {
  readonly description: Description<O>;
  /** @throws Mistake */
  readonly read: (given: Given<O>) => Command;
}

/** Ties a description to what reads it: the options have their types from there. */
export function readable<const O extends Options, Command>(
  description: Description<O>,
  read: (given: Given<O>) => Command,
): Readable<O, Command> {
  return { description, read };
}

/** What is wrong with a command line, as a sentence. */
export class Mistake extends Error {}

/** Every command has it. */
export const help = { type: "boolean", short: "h", says: "print this" } as const;
