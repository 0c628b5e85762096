import type { Expectations } from './expectations.ts'

const ORDER = 'AWS gives query values grouped by name: the order across names is lost'
const EMPTY =
  'AWS gives query parameters as names with values: whether there was a "=" is lost, and so are empty parts'
const DECODED =
  'API Gateway decodes the query, and how it was encoded is lost; the parsed values are the same'
const LAST = 'AWS gives only the last of repeated values while lambda.multi_value_headers.enabled is off'
const COOKIES =
  'a load balancer takes one Set-Cookie while lambda.multi_value_headers.enabled is off: an answer ' +
  'with more is a 500 that says so'
const MEGABYTE = 'a load balancer takes 1 MB of request body, and 1 MB of answer as JSON'
const PATH = 'an HTTP API decodes the path before the function sees it'

/** Conformance cases that are known to fail behind both kinds of load balancers of Lambda. */
const balancer: Expectations = {
  'handlers-14': ORDER,
  'handlers-15': EMPTY,
  'handlers-53': MEGABYTE,
  'handlers-74': MEGABYTE,
  'service-09': MEGABYTE,
}

/**
 * Conformance cases that fail behind one kind of Lambda's fronts because AWS itself differs there, keyed by
 * the option `event`.
 */
export const lambdaEvents: Readonly<Record<string, Expectations>> = {
  v2: { 'handlers-04': PATH, 'handlers-11': PATH, 'service-01': PATH },
  v1: {
    'handlers-14': ORDER,
    'handlers-15': EMPTY,
    'handlers-16': DECODED,
    'handlers-18': DECODED,
    'handlers-20': DECODED,
    'service-01': DECODED,
  },
  'alb-multi': balancer,
  alb: {
    ...balancer,
    'handlers-14': LAST,
    'handlers-20': LAST,
    'handlers-21': LAST,
    'handlers-46': COOKIES,
    'handlers-47': LAST,
    'handlers-49': LAST,
    'service-01': LAST,
    'service-11': COOKIES,
  },
}
