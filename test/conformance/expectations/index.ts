import { cloudflare } from './cloudflare.ts'
import { isolate } from './isolate.ts'
import { lambdaEvents } from './lambda-events.ts'
import { lambda } from './lambda.ts'
import { node } from './node.ts'

/** Case ids to the reason why the case fails. One that passes after all fails the run, so that the list stays true. */
export type Expectations = Readonly<Record<string, string>>

/** By target. */
export const EXPECTATIONS: Readonly<Record<string, Expectations>> = { node, cloudflare, lambda, isolate }

/** What is expected to fail on `target` with these options of it: some cases fail behind one kind of front only. */
export function expectationsFor(target: string, options: Readonly<Record<string, unknown>> = {}): Expectations {
  const { event } = options
  const further = target === 'lambda' && typeof event === 'string' ? lambdaEvents[event] : undefined
  return { ...EXPECTATIONS[target], ...further }
}
