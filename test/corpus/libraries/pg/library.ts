import { defineLibrary } from '../../harness/library.ts'

export default defineLibrary({
  packages: ['pg'],
  services: ['postgres'],
  refused: {
    isolate: { names: 'pg connects by TCP', reason: 'pg opens a socket, which an isolate has not' },
  },
  requests: [
    { name: 'schema', method: 'POST', path: '/db/schema', status: 204 },
    {
      name: 'insert',
      path: '/db/users',
      body: { email: 'ada@example.com', tags: ['a', 'b "c"'], data: { x: [1, 'ä'] } },
      status: 201,
      contains: '9007199254740993',
    },
    {
      name: 'insert twice',
      path: '/db/users',
      body: { email: 'ada@example.com', tags: [], data: null },
      status: 409,
      contains: '23505',
    },
    { name: 'select', path: '/db/users', contains: 'ada@example.com' },
    { name: 'transaction', path: '/db/transaction', contains: 'ada@example.com' },
    { name: 'error', path: '/db/error', status: 400, contains: '42P01' },
    { name: 'pool', path: '/pool', contains: '[1,2,3,4]' },
  ],
})
