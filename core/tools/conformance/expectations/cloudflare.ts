import type { Expectations } from './expectations.ts'

/** Cases that fail on this target today. */
export const cloudflare: Expectations = {
  'handlers-135':
    "the address is what Cloudflare's edge says (cf-connecting-ip, believed only beside request.cf): workerd " +
    'alone, as locally, tells none',
  'handlers-137': 'workerd hands out the body of a GET; elsewhere it is dropped',
  'handlers-143':
    "workerd alone, as locally, answers 500 by itself where Cloudflare's edge answers 400; no app sees either",
  'handlers-75':
    'workerd reads and writes header values as UTF-8, where Fetch has Latin-1; values that are ' +
    'printable ASCII (percent-encoded, or RFC 8187) are the same everywhere',
}
