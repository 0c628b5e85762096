import { defineLibrary } from '../../harness/library.ts'

export default defineLibrary({
  packages: ['vue'],
  requests: [
    { name: 'string', path: '/string', contains: '2</button>' },
    { name: 'provided', path: '/themed', contains: 'dark big' },
    { name: 'async', path: '/async', contains: 'später' },
    { name: 'escaped', path: '/escaped?text=%3Ca%3E', contains: '&lt;a&gt;' },
    { name: 'stream', path: '/stream', contains: '<li>3</li>' },
  ],
})
