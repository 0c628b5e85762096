import { defineLibrary } from '../../harness/library.ts'

export default defineLibrary({
  packages: ['ioredis'],
  services: ['redis'],
  refused: {
    isolate: { names: 'ioredis connects by TCP', reason: 'ioredis opens a socket, which an isolate has not' },
  },
  requests: [
    { name: 'set', method: 'PUT', path: '/keys/a', body: 'välue', contains: 'OK' },
    { name: 'get', path: '/keys/a', contains: 'välue' },
    { name: 'get nothing', path: '/keys/b', status: 404 },
    { name: 'pipeline', path: '/pipeline', contains: '[null,5]' },
    { name: 'multi', path: '/multi', contains: '["a","b"]' },
    { name: 'script', path: '/script', contains: 'argument' },
    { name: 'bytes', path: '/bytes' },
    { name: 'error', path: '/error', status: 400, contains: 'ReplyError' },
  ],
})
