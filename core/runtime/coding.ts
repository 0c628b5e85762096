/**
 * Names the coding that an answer came in, on an answer of `fetch` that has been decoded and lost its label.
 * Existing Workers see the label again, as on workerd.
 */
export const CODING = Symbol.for('unmoor.coding')

/** Notes the coding that an answer was decoded from. */
export function noteCoding(response: object, coding: string): void {
  Object.defineProperty(response, CODING, { value: coding, configurable: true })
}
