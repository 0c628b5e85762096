import { defineLibrary } from '../../harness/library.ts'

export default defineLibrary({
  packages: ['@mikro-orm/cli', '@mikro-orm/core', '@mikro-orm/postgresql', 'pg'],
  services: ['postgres'],
  refused: {
    isolate: {
      names: 'pg connects by TCP',
      reason: "MikroORM's pg opens a socket, which an isolate has not",
    },
  },
  requests: [
    { name: 'schema', path: '/schema', status: 204 },
    { name: 'save', path: '/save', body: { name: 'Ada', urls: ['1.png', '2.png'] }, contains: '"photos":2' },
    {
      name: 'save twice',
      path: '/save',
      body: { name: 'Ada', urls: [] },
      status: 409,
      contains: 'UniqueConstraintViolationException',
    },
    { name: 'find', path: '/find', contains: '2.png' },
    { name: 'query', path: '/query', contains: '1.png' },
    { name: 'update', path: '/update', contains: 'light' },
    { name: 'transaction', path: '/transaction', contains: '2' },
  ],
})
