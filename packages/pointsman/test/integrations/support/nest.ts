import { Inject, type InjectionToken } from "@nestjs/common";

/** Puts TypeScript's older decorators on a method, which is how NestJS reads them. */
export function decorate(
  controller: new (...args: never[]) => object,
  method: string,
  decorators: readonly MethodDecorator[],
  parameters: readonly ParameterDecorator[] = [],
): void {
  for (const decorator of decorators) {
    const descriptor = Object.getOwnPropertyDescriptor(controller.prototype, method);
    if (descriptor === undefined) throw new Error(`There is no method ${method}.`);
    const changed = decorator(controller.prototype, method, descriptor);
    if (changed) Object.defineProperty(controller.prototype, method, changed);
  }
  parameters.forEach((decorator, index) => {
    decorator(controller.prototype, method, index);
  });
}

/** Has a class given these when it is made. */
export function injected(
  target: new (...args: never[]) => object,
  tokens: readonly InjectionToken[],
): void {
  tokens.forEach((token, index) => {
    Inject(token)(target, undefined, index);
  });
}
