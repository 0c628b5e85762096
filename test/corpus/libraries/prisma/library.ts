import { defineLibrary } from '../../harness/library.ts'

export default defineLibrary({
  packages: ['@prisma/client', '@prisma/adapter-pg'],
  services: ['postgres'],
  refused: {
    isolate: { names: 'pg connects by TCP', reason: "Prisma's pg opens a socket, which an isolate has not" },
  },
  requests: [
    { name: 'schema', path: '/schema', status: 204 },
    {
      name: 'create',
      path: '/create',
      body: { email: 'ada@example.com', titles: ['One', 'Two'] },
      contains: 'Two',
    },
    {
      name: 'create twice',
      path: '/create',
      body: { email: 'ada@example.com', titles: [] },
      status: 409,
      contains: 'P2002',
    },
    { name: 'find', path: '/find', contains: '"posts":2' },
    { name: 'raw', path: '/raw', contains: '"posts":2' },
    { name: 'missing', path: '/missing', status: 404, contains: 'P2025' },
    { name: 'transaction', path: '/transaction', contains: '2' },
  ],
})
