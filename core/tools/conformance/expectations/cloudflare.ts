import type { Expectations } from './expectations.ts'

const UTF8 =
  'workerd reads and writes header values as UTF-8, where Fetch has Latin-1; values that are ' +
  'printable ASCII (percent-encoded, or RFC 8187) are the same everywhere'

/** Conformance cases that fail on the target `cloudflare` today, with reasons. */
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
  'handlers-135':
    "the address is what Cloudflare's edge says (cf-connecting-ip, believed only beside request.cf): " +
    'workerd ' +
    'alone, as locally, tells none',
  'handlers-137': 'workerd hands out the body of a GET; elsewhere it is dropped',
  'handlers-143':
    "workerd alone, as locally, answers 500 by itself where Cloudflare's edge answers 400; no app sees " +
    'either',
}
