import { defineLibrary } from '../../harness/library.ts'

export default defineLibrary({
  packages: ['typeorm', 'pg'],
  services: ['postgres'],
  refused: {
    isolate: { names: 'pg connects by TCP', reason: "TypeORM's pg opens a socket, which an isolate has not" },
  },
  requests: [
    { name: 'schema', path: '/schema', status: 204 },
    { name: 'save', path: '/save', body: { name: 'Ada', urls: ['1.png', '2.png'] }, contains: '1.png' },
    {
      name: 'save twice',
      path: '/save',
      body: { name: 'Ada', urls: [] },
      status: 409,
      contains: 'QueryFailedError',
    },
    { name: 'find', path: '/find', contains: '2.png' },
    { name: 'query', path: '/query', contains: '"photos":2' },
    { name: 'transaction', path: '/transaction', contains: '2' },
  ],
})
