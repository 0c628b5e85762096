import type { Expectations } from './expectations.ts'

/** Cases that fail on this target today. */
export const cloudflare: Expectations = {
  'handlers-75':
    'workerd reads and writes header values as UTF-8, where Fetch has Latin-1; values that are ' +
    'printable ASCII (percent-encoded, or RFC 8187) are the same everywhere',
}
