import { context, createContextKey, ROOT_CONTEXT } from "@opentelemetry/api";
import type { Veil } from "../../servers/pg-calls.ts";

/** What the SDK looks for: context keys of one name are one key. */
const suppressed = createContextKey("OpenTelemetry SDK Context Key SUPPRESS_TRACING");

/** No span is made in it, nor is one around it. */
const hidden = ROOT_CONTEXT.setValue(suppressed, true);

/** The context in which something was asked of `pg`. */
const around = createContextKey("pointsman context around a call of pg");

/**
 * Asks `pg` in a context in which instrumentations of `pg` make no spans, and lets what `pg` calls
 * run in the one around it. What a connection notifies of later is part of no request.
 */
export const veil: Veil = {
  hide(ask) {
    const active = context.active();
    if (active.getValue(around) !== undefined) return ask();
    return context.with(hidden.setValue(around, active), ask);
  },
  show(answer) {
    const active = context.active().getValue(around);
    return active === undefined ? answer() : context.with(active as typeof hidden, answer);
  },
  detach: (open) => context.with(ROOT_CONTEXT, open),
};
