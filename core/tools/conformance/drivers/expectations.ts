import type { Expectations } from '../expectations/expectations.ts'

/**
 * Known failures of built-in drivers in their conformance cases, by driver and case id, on the local servers
 * that stand in for their backends. A listed case that passes fails the run.
 */
export const DRIVER_EXPECTATIONS: Readonly<Record<string, Expectations>> = {
  sqs: {
    'queue-d11':
      'SQS moves a message when its queue is next received from, which a consumer does all the time; ' +
      'queue-20, in the fixture app, passes',
  },
}
