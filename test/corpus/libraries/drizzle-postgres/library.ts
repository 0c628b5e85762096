import { defineLibrary } from '../../harness/library.ts'

export default defineLibrary({
  packages: ['drizzle-orm', 'pg'],
  services: ['postgres'],
  refused: {
    isolate: { names: 'pg connects by TCP', reason: 'pg opens a socket, which an isolate has not' },
  },
  requests: [
    { name: 'schema', path: '/schema', status: 204 },
    { name: 'insert', path: '/insert', contains: '"tags":["a","ä"]' },
    { name: 'select', path: '/select', contains: '1970-01-01T00:00:00.000Z' },
    { name: 'transaction', path: '/transaction', contains: '[{"age":0},{"age":20}]' },
    { name: 'count', path: '/count', contains: '2' },
  ],
})
