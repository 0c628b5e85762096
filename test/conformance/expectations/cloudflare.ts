import type { Expectations } from './expectations.ts'

/** Cases that fail on this target today. */
export const cloudflare: Expectations = {
  'handlers-75':
    'workerd reads and writes header values as UTF-8, where Fetch has Latin-1; values that are printable ASCII (percent-encoded, or RFC 8187) are the same everywhere',
  'handlers-62':
    "workerd ends a chunked body in good order when the stream of the answer fails, also for a Worker written without unmoor; a client that must know needs a length or an end mark of the app's own",
}
