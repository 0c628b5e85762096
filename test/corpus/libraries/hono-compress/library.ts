import { defineLibrary } from '../../harness/library.ts'

const gzip = { 'accept-encoding': 'gzip' }

export default defineLibrary({
  packages: ['hono'],
  requests: [
    { name: 'gzip', path: '/long', headers: gzip, contains: 'dull boy' },
    { name: 'deflate', path: '/long', headers: { 'accept-encoding': 'deflate' }, contains: 'dull boy' },
    { name: 'not asked for', path: '/long' },
    { name: 'below the threshold', path: '/short', headers: gzip },
    { name: 'json', path: '/json', headers: gzip },
    { name: 'not compressible', path: '/image', headers: gzip },
    { name: 'stream', path: '/stream', headers: gzip, contains: 'line 199' },
    { name: 'head', method: 'HEAD', path: '/long', headers: gzip },
    { name: 'within the limit', path: '/limited', body: 'x'.repeat(1024), contains: '1024' },
    { name: 'over the limit', path: '/limited', body: 'x'.repeat(1025), status: 413 },
  ],
})
