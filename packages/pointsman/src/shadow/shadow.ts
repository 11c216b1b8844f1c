import type { Call } from "../call.ts";
import type { Demand } from "../consistency/demand.ts";
import { type VisibleEffects, visibleEffects } from "../consistency/effects.ts";
import { refusalOnReader } from "../conversation/reader-transaction.ts";
import { type RouteContext, routes } from "../routing/decide.ts";
import type { Reason } from "../routing/reasons.ts";
import type { Route, Target } from "../routing/route.ts";
import type { EndpointClient } from "../servers/endpoint-client.ts";
import { isQuiet } from "../servers/pg-internals.ts";
import { standbyRefusal } from "../statements/standby-refusal.ts";
import type { Classification } from "../statements/types.ts";
import type { LagMeter } from "./lag-meter.ts";
import { RecentWrites } from "./recent-writes.ts";
import { ShadowConversation } from "./shadow-conversation.ts";
import { ShadowReport, type ShadowStats } from "./shadow-report.ts";
import type { NotedCall, ShadowedCall, ShadowRoute } from "./shadow-route.ts";

/** What decides where a statement would go. */
export interface Decisions {
  /** @throws what the `route` hook throws */
  chosenByHook(call: Call, context: RouteContext): Target | undefined;
  route(call: Call, context: RouteContext): Route;
}

/** What a caller has asked for. */
export type Wishes = Pick<RouteContext, "asked" | "scope">;

/** Hears of the end of a statement on a client, and says where it would have gone. */
export type EndOnClient = (error: Error | undefined) => ShadowedCall;

/** The route of a statement in shadow mode: to the writer, whatever is decided. */
export function keptOnWriter(route: Route): Route {
  return route.target === "writer" ? route : routes.writer.shadow;
}

/** Follows what a pool would do with its statements while all of them run on the writer. */
export class Shadow {
  readonly #decisions: Decisions;
  readonly #ignored: ReadonlySet<string>;
  readonly #lag: LagMeter | undefined;
  readonly #writes = new RecentWrites();
  readonly #report = new ShadowReport();
  readonly #conversations = new WeakMap<object, ShadowConversation>();

  /**
   * @param ignored - tables whose writes nobody needs to see
   * @param lag - absent: no reader is configured
   */
  constructor(decisions: Decisions, ignored: ReadonlySet<string>, lag: LagMeter | undefined) {
    this.#decisions = decisions;
    this.#ignored = ignored;
    this.#lag = lag;
  }

  /** What is known of a client, from when it was taken until it is given back. */
  conversation(client: object): ShadowConversation {
    let conversation = this.#conversations.get(client);
    if (conversation === undefined) {
      conversation = new ShadowConversation();
      this.#conversations.set(client, conversation);
    }
    return conversation;
  }

  givenBack(client: object): void {
    const conversation = this.#conversations.get(client);
    if (conversation === undefined) return;
    for (const writes of conversation.underWay) this.#writes.end(writes);
    this.#conversations.delete(client);
  }

  /** Why a read would have to go to the writer, as far as no server is needed to tell. */
  staleness({ line, strong }: Demand): Reason | undefined {
    if (strong) return "strong";
    return line !== undefined && this.#writes.isPending(line) ? "write-pending" : undefined;
  }

  /** A statement that is sent by itself is called. */
  alone(call: Call, wishes: Wishes): ShadowedCall {
    const noted = this.#note(call, wishes);
    return { ...noted, route: this.#decisions.route(call, noted.context), isAlone: true };
  }

  /**
   * What {@link alone} has noted may write, and is on its way.
   *
   * @returns to be called when it is over; `undefined` for what writes nothing
   */
  expectWrite(call: Call): (() => void) | undefined {
    const { writes, commits } = this.#effectsOf(call);
    if (call.demand === undefined || !(writes || commits)) return undefined;
    const underWay = this.#writes.begin(call.demand.lines);
    return () => this.#writes.end(underWay);
  }

  /** A statement is called on a client. */
  onClient(client: EndpointClient, call: Call, wishes: Wishes): EndOnClient {
    const conversation = this.conversation(client);
    if (isQuiet(client)) this.#writes.written(conversation.rested(isInTransaction(client)));
    const { byHand } = conversation;
    const lines = call.demand?.lines ?? [];
    const effects = this.#effectsOf(call);
    const noted = this.#note(
      call,
      { ...wishes, transaction: conversation.transactionOn, conversation: conversation.pinned },
      byHand === undefined,
    );
    const underWay = this.#writes.begin(conversation.expects(effects, lines));
    conversation.begun(underWay);
    return (error) => {
      // What was sent ahead of it is answered by now, and has told where this one stands.
      const { transactionOn, pinned } = conversation;
      const context = { ...noted.context, transaction: transactionOn, conversation: pinned };
      const route =
        byHand === undefined ? this.#decisions.route(call, context) : routes[byHand].direct;
      const ending = { error, open: isInTransaction(client) };
      this.#writes.written(conversation.answered(call.facts, route, effects, lines, ending));
      this.#writes.end(underWay);
      conversation.ended(underWay);
      return { ...noted, route, isAlone: false };
    };
  }

  #note(call: Call, wishes: RouteContext, asksHook = true): NotedCall {
    this.#lag?.wake();
    const { demand, facts } = call;
    const context = { ...wishes, stale: demand && this.staleness(demand) };
    const line = facts.reader ? demand?.line : undefined;
    const sinceWriteMs = line && this.#writes.since(line);
    if (!asksHook) return { context, hookProblem: undefined, sinceWriteMs };
    try {
      const hook = this.#decisions.chosenByHook(call, context);
      return { context: { ...context, hook }, hookProblem: undefined, sinceWriteMs };
    } catch (error) {
      const told = error instanceof Error ? error.message : String(error);
      return { context, hookProblem: `The route hook fails: ${told}`, sinceWriteMs };
    }
  }

  #effectsOf({ text, facts }: Call): VisibleEffects {
    return visibleEffects(text === undefined ? undefined : facts, this.#ignored);
  }

  /** Counts a statement that has its answer, and says where it would have gone. */
  answered(call: Call, shadowed: ShadowedCall, error: Error | undefined): ShadowRoute {
    const { facts, demand, text = "" } = call;
    const { route, hookProblem, isAlone } = shadowed;
    if (isAlone && demand !== undefined) this.#noteWrite(call, demand, error);
    const isFresh = mustBeFresh(facts, route) && demand?.line !== undefined;
    const sinceWriteMs = isFresh ? shadowed.sinceWriteMs : undefined;
    const lagMs = sinceWriteMs === undefined ? undefined : this.#lag?.lagMs;
    const refusal = error === undefined ? (hookProblem ?? refusalOf(facts, route)) : undefined;
    const found: ShadowRoute = {
      target: route.target,
      reason: route.reason,
      ...(refusal === undefined ? {} : { refusal }),
      ...(sinceWriteMs === undefined ? {} : { sinceWriteMs }),
      ...(lagMs === undefined ? {} : { lagMs }),
    };
    this.#report.count(text, found, isFresh);
    return found;
  }

  #noteWrite(call: Call, { lines }: Demand, error: Error | undefined): void {
    const { writes, commits, allOrNothing } = this.#effectsOf(call);
    if ((writes || commits) && !(error !== undefined && allOrNothing)) this.#writes.written(lines);
  }

  stats(): ShadowStats {
    return this.#report.stats(this.#lag?.stats() ?? []);
  }

  end(): void {
    this.#lag?.end();
  }
}

function isInTransaction(client: EndpointClient): boolean {
  const status = client.getTransactionStatus();
  return status === "T" || status === "E";
}

/** Whether a reader must have what was written before, to run it. */
function mustBeFresh({ reader }: Classification, { target, reason }: Route): boolean {
  return reader && target === "reader" && reason !== "open-transaction" && reason !== "direct";
}

/** Why a statement that has succeeded on the writer would fail, as far as its text tells. */
function refusalOf(facts: Classification, { target, reason }: Route): string | undefined {
  if (target === "writer") return undefined;
  const own = reason === "open-transaction" ? refusalOnReader(facts)?.message : undefined;
  return own ?? standbyRefusal(facts);
}
