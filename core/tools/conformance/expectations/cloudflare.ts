import type { Expectations } from './expectations.ts'

const UTF8 =
  'workerd reads and writes header values as UTF-8, where Fetch has Latin-1; values that are ' +
  'printable ASCII (percent-encoded, or RFC 8187) are the same everywhere'

/** Cases that fail on this target today. */
export const cloudflare: Expectations = {
  'handlers-75': UTF8,
  'answers-41': UTF8,
  'fetch-42': UTF8,
  'answers-40':
    'workerd ends a body as if it were whole where a late chunk of its stream is neither bytes nor text',
  'answers-49':
    'workerd drops the connection without an answer where a stream fails at once; behind the network of ' +
    'Cloudflare the client gets an error page with a 5xx',
  'fetch-18':
    'workerd decodes gzip and br only; an answer in another coding reaches the app as it came, with its ' +
    'label, and decodes right where it is passed on whole',
}
