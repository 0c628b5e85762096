import { defineLibrary } from '../../harness/library.ts'

export default defineLibrary({
  packages: ['pino'],
  requests: [
    { name: 'levels', path: '/levels', contains: 'hello world 5' },
    { name: 'child', path: '/child', contains: '[Redacted]' },
    { name: 'errors', path: '/errors', contains: 'PaymentError' },
    { name: 'mixin', path: '/mixin', contains: '"id":"r7"' },
    { name: 'default', path: '/default', contains: '"enabled":true' },
  ],
})
