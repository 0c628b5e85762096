/**
 * Key under which a response of `fetch` keeps the name of the content coding that it was decoded from, since
 * its `content-encoding` is removed. Existing Workers see that header again, as on workerd.
 */
export const CODING = Symbol.for('unmoor.coding')

/** Records the content coding that a response was decoded from. */
export function noteCoding(response: object, coding: string): void {
  Object.defineProperty(response, CODING, { value: coding, configurable: true })
}
