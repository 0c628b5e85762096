import { defineLibrary } from '../../harness/library.ts'

export default defineLibrary({
  packages: ['h3'],
  requests: [
    { name: 'text', path: '/', contains: 'wörld' },
    { name: 'parameters', path: '/users/7?a=1&a=2&b=%C3%A4', contains: '"id":"7"' },
    { name: 'body', path: '/echo', body: { list: [1, 'ä'] }, contains: 'ä' },
    { name: 'redirect', path: '/old', status: 301 },
    { name: 'cookie', path: '/cookie' },
    { name: 'an error with data', path: '/teapot', status: 418, contains: 'stout' },
    { name: 'conflict', path: '/conflict', status: 409 },
    { name: 'stream', path: '/stream', contains: 'a stream' },
    { name: 'not found', path: '/nowhere', status: 404 },
  ],
})
