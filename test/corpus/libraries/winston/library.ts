import { defineLibrary } from '../../harness/library.ts'

export default defineLibrary({
  packages: ['winston'],
  requests: [
    { name: 'json', path: '/json', contains: '"message":"hello"' },
    { name: 'splat', path: '/splat', contains: 'hello world, 5' },
    { name: 'printf', path: '/printf', contains: '[app] warn: careful' },
    { name: 'child', path: '/child', contains: '"request":"r1"' },
    { name: 'errors', path: '/errors', contains: 'too much' },
    { name: 'console', path: '/console', contains: '"level":"info"' },
  ],
})
