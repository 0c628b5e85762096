import { defineLibrary } from '../../harness/library.ts'

export default defineLibrary({
  packages: ['@sentry/node'],
  refused: {
    isolate: {
      names: "@sentry/node sends by Node's HTTP",
      reason: '@sentry/node sends by node:http, which an isolate has not; sentry-cloudflare runs there',
    },
  },
  upstream: () => Response.json({ id: 'e1' }),
  requests: [
    { name: 'exception', path: '/exception', contains: 'PaymentError' },
    { name: 'message', path: '/message', contains: 'Something happened' },
    { name: 'scope', path: '/scope', contains: 'checkout' },
    { name: 'another scope', path: '/apart', contains: 'of another request' },
    { name: 'span', path: '/span', contains: '"active":true' },
    { name: 'thrown', path: '/throws', status: 500, contains: 'out of the handler' },
  ],
})
