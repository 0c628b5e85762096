import { defineLibrary } from '../../harness/library.ts'

export default defineLibrary({
  packages: ['postgres'],
  services: ['postgres'],
  refused: {
    isolate: {
      names: 'postgres connects by TCP',
      reason: 'postgres.js opens a socket, which an isolate has not',
    },
  },
  requests: [
    { name: 'schema', method: 'POST', path: '/schema', status: 204 },
    {
      name: 'insert',
      path: '/users',
      body: [
        { name: 'Ada', age: 36 },
        { name: 'Bøb', age: 20 },
      ],
      status: 201,
    },
    {
      name: 'insert twice',
      path: '/users',
      body: [{ name: 'Ada', age: 36 }],
      status: 409,
      contains: '23505',
    },
    { name: 'select', path: '/users?name=Ada&name=B%C3%B8b', contains: 'Bøb' },
    { name: 'types', method: 'PUT', path: '/users/Ada', contains: '1970-01-02T00:00:00.000Z' },
    { name: 'transaction', path: '/transaction', contains: 'changed my mind' },
    { name: 'cursor', path: '/cursor', contains: '[10,10,5]' },
  ],
})
