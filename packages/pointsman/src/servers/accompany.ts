import type { Client } from "pg";
import { signalOf } from "./abortable-query.ts";
import { type Behind, type Companions, readerBehind } from "./companions.ts";
import type { Flight } from "./flight.ts";
import { HeldAnswer } from "./held-answer.ts";
import { isQuiet, isUsable } from "./pg-internals.ts";
import { isSubmittable, type QueryCallback, type QueryInput } from "./query-input.ts";
import type { Row } from "./question.ts";

type Send = (query: QueryInput, values: unknown, callback: QueryCallback | undefined) => unknown;

/** What it takes of a connection. */
type Asking = Client & {
  ask(text: string, answered: (error: Error | undefined, row: Row | undefined) => void): void;
};

/** Sends queries of one connection together with the questions that belong to them. */
export class Accompaniment {
  readonly #client: Asking;
  readonly #flight: Flight;
  readonly #send: Send;

  /** @param send - sends a query by itself */
  constructor(client: Asking, flight: Flight, send: Send) {
    this.#client = client;
    this.#flight = flight;
    this.#send = send;
  }

  send(
    query: QueryInput,
    values: unknown,
    callback: QueryCallback | undefined,
    { proof, behind }: Companions,
  ): unknown {
    const client = this.#client;
    if (proof === undefined) {
      return behind === undefined
        ? this.#send(query, values, callback)
        : this.#askBehind(query, values, callback, behind);
    }
    if (proof.first || isSubmittable(query) || signalOf(query) !== undefined) {
      client.ask(proof.text, (_error, row) => {
        if (proof.holds(row)) {
          this.send(query, values, callback, { behind });
          return;
        }
        behind?.answered(undefined, true, client.getTransactionStatus());
        // The same where the connection is lost: the query was not sent, and may be sent elsewhere.
        callback?.(readerBehind);
      });
      return undefined;
    }
    this.#flight.together(() => {
      this.#around({ proof, behind }, callback, (answer) => this.#send(query, values, answer));
    });
    return undefined;
  }

  /** Sends a query among others that are under way, which it does not wait for. */
  ride(
    companions: Companions,
    callback: QueryCallback,
    send: (callback: QueryCallback) => void,
  ): void {
    this.#around(companions, callback, send);
  }

  /** Sends a query, and what belongs in front of it and behind it. */
  #around(
    { proof, behind }: Companions,
    callback: QueryCallback | undefined,
    send: (callback: QueryCallback) => void,
  ): void {
    const client = this.#client;
    let holds = proof === undefined;
    if (proof !== undefined) {
      client.ask(proof.text, (_error, row) => {
        holds = proof.holds(row);
      });
    }
    const held = behind && new HeldAnswer(callback, behind, client);
    const deliver = held?.callback ?? callback;
    send((error, result) => {
      if (holds || !isUsable(client)) deliver?.(error, result);
      else deliver?.(readerBehind);
    });
    if (behind?.text !== undefined) client.ask(behind.text, (_error, row) => held?.answered(row));
  }

  /** Sends a query, and a question behind it: in one flight if nothing is in front of them. */
  #askBehind(
    query: QueryInput,
    values: unknown,
    callback: QueryCallback | undefined,
    behind: Behind,
  ): unknown {
    const client = this.#client;
    const held = new HeldAnswer(callback, behind, client);
    const submitsItself = isSubmittable(query);
    const send = (): unknown => {
      try {
        const result = this.#send(query, values, submitsItself ? callback : held.callback);
        if (behind.text !== undefined) {
          this.#flight.holdIfRefused();
          client.ask(behind.text, (_error, row) => held.answered(row));
        } else if (submitsItself) held.released();
        return result;
      } catch (thrown) {
        held.released();
        throw thrown;
      }
    };
    if (submitsItself || !isQuiet(client)) return send();
    let result: unknown;
    this.#flight.together(() => {
      result = send();
    });
    return result;
  }
}
