import { defineLibrary } from '../../harness/library.ts'

export default defineLibrary({
  packages: ['pino'],
  requests: [
    { name: 'levels', path: '/levels', contains: 'hello world 5' },
    { name: 'child', path: '/child', contains: '"request":"r1"' },
    { name: 'errors', path: '/errors', contains: 'RangeError' },
    { name: 'changed', path: '/changed', contains: 'this' },
    { name: 'default', path: '/default', contains: '"level":"warn"' },
  ],
})
