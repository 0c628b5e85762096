import { cloudflare } from './cloudflare.ts'
import type { Expectations } from './expectations.ts'
import { isolate } from './isolate.ts'
import { lambdaEvents } from './lambda-events.ts'
import { lambdaRuntimes } from './lambda-runtimes.ts'
import { lambda } from './lambda.ts'
import { node } from './node.ts'

/** Known failures of conformance cases by target. */
export const EXPECTATIONS: Readonly<Record<string, Expectations>> = { node, cloudflare, lambda, isolate }

/**
 * Returns the conformance cases that are known to fail on `target` with these target options: some cases fail
 * only behind one kind of front or under one kind of runtime.
 */
export function expectationsFor(
  target: string,
  options: Readonly<Record<string, unknown>> = {},
): Expectations {
  const { event, runtime } = options
  if (target !== 'lambda') return { ...EXPECTATIONS[target] }
  return {
    ...lambda,
    ...(typeof event === 'string' ? lambdaEvents[event] : undefined),
    ...(typeof runtime === 'string' ? lambdaRuntimes[runtime] : undefined),
  }
}
