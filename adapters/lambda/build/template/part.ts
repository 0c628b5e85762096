import type { QueueDeclaration } from '../../../../core/bindings/declarations.ts'

/** A part of a CloudFormation template, as plain data. */
export type Part = Record<string, unknown>

/** Returns a CloudFormation reference to a resource or parameter. */
export const ref = (name: string): Part => ({ Ref: name })

/**
 * Visibility timeout of an SQS queue in seconds: six times the function's timeout, as AWS advises, plus the
 * batch window.
 */
export function visibility(timeout: number, { batchWait }: QueueDeclaration): number {
  return Math.min(43_200, timeout * 6 + batchWait)
}
