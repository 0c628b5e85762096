import { defineLibrary } from '../../harness/library.ts'

export default defineLibrary({
  packages: ['knex', 'pg'],
  services: ['postgres'],
  refused: {
    isolate: { names: 'pg connects by TCP', reason: "knex's pg opens a socket, which an isolate has not" },
  },
  requests: [
    { name: 'schema', method: 'POST', path: '/schema', contains: 'true' },
    {
      name: 'insert',
      path: '/users',
      body: [{ name: 'Ada', age: 36, data: { x: 1 } }, { name: 'Bøb' }],
      status: 201,
    },
    { name: 'insert twice', path: '/users', body: [{ name: 'Ada' }], status: 409, contains: '23505' },
    { name: 'select', path: '/users', contains: 'Bøb' },
    { name: 'sql', path: '/sql', contains: 'in (1, 2)' },
    { name: 'transaction', path: '/transaction', contains: 'rolled back' },
    { name: 'context', path: '/context', contains: '"request":"/context"' },
  ],
})
