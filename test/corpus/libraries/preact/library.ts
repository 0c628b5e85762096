import { defineLibrary } from '../../harness/library.ts'

export default defineLibrary({
  packages: ['preact', 'preact-render-to-string'],
  requests: [
    { name: 'render', path: '/render', contains: '<button class="light">2</button>' },
    { name: 'context', path: '/context', contains: 'dark' },
    { name: 'escaped', path: '/escaped?text=%3Ca%3E%22', contains: '&lt;a' },
    { name: 'async', path: '/async', contains: '<b>2</b>' },
    { name: 'stream', path: '/stream', contains: '<main>ä' },
  ],
})
