import type { QueueDeclaration } from '../../../../core/bindings/declarations.ts'

/** A template's part: plain data. */
export type Part = Record<string, unknown>

/** A reference to a resource or parameter. */
export const ref = (name: string): Part => ({ Ref: name })

/** Seconds that a message stays hidden: six times the timeout, as AWS advises, and the batch window. */
export function visibility(timeout: number, { batchWait }: QueueDeclaration): number {
  return Math.min(43_200, timeout * 6 + batchWait)
}
