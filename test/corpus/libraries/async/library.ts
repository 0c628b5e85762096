import { defineLibrary } from '../../harness/library.ts'

export default defineLibrary({
  packages: ['async', 'p-limit', 'lru-cache', 'eventemitter3'],
  requests: [
    { name: 'p-limit', path: '/p-limit', contains: '"most":2' },
    { name: 'async', path: '/async', contains: '"b":3' },
    { name: 'async, retry', path: '/retry', contains: '"tries":3' },
    { name: 'async, queue', path: '/queue', contains: '[0,1,2,3,4,5]' },
    { name: 'lru-cache', path: '/lru-cache', contains: '"size":2' },
    { name: 'eventemitter3', path: '/events', contains: 'once a' },
  ],
})
