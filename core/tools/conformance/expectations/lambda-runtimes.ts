import type { Expectations } from './expectations.ts'

const ENDED =
  "AWS's own client ends the environment for an exception or a rejection that nothing catches, and the " +
  'events in it fail with it'

/**
 * Conformance cases that fail under one kind of Lambda's runtimes because AWS itself differs there, keyed by
 * the option `runtime`.
 */
export const lambdaRuntimes: Readonly<Record<string, Expectations>> = {
  ric: {
    'handlers-120': ENDED,
    'handlers-121': ENDED,
    'handlers-122': ENDED,
    'handlers-123': ENDED,
    'handlers-124': ENDED,
    'handlers-125': ENDED,
    'handlers-126': ENDED,
    'cron-30': ENDED,
  },
}
