import { defineLibrary } from '../../harness/library.ts'

export default defineLibrary({
  packages: ['mysql2'],
  services: ['mysql'],
  refused: {
    isolate: { names: 'mysql2 connects by TCP', reason: 'mysql2 opens a socket, which an isolate has not' },
  },
  requests: [
    { name: 'schema', method: 'POST', path: '/schema', status: 204 },
    {
      name: 'insert',
      path: '/users',
      body: { name: 'Ädä', born: '1990-01-31', price: 9.5 },
      status: 201,
      contains: '"id":1',
    },
    {
      name: 'insert twice',
      path: '/users',
      body: { name: 'Ädä', born: '1990-01-31', price: 1 },
      status: 409,
      contains: 'ER_DUP_ENTRY',
    },
    { name: 'select', path: '/users?name=%C3%84d%C3%A4&name=x', contains: '"price":"9.50"' },
    { name: 'transaction', path: '/transaction', contains: '"left_over":1' },
    { name: 'prepared', path: '/prepared', contains: '🎉' },
    { name: 'error', path: '/error', status: 400, contains: 'ER_NO_SUCH_TABLE' },
  ],
})
