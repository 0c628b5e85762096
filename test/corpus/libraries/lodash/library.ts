import { defineLibrary } from '../../harness/library.ts'

export default defineLibrary({
  packages: ['lodash'],
  requests: [
    { name: 'chain', path: '/chain', contains: '{"fred":88,"barney":36}' },
    { name: 'order', path: '/order' },
    { name: 'merge', path: '/merge' },
    { name: 'text', path: '/text', contains: 'fooBar' },
    { name: 'clone', path: '/clone', contains: '{"equal":true,"same":false}' },
    { name: 'types', path: '/types' },
    { name: 'debounce', path: '/debounce', contains: '1' },
  ],
})
