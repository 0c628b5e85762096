import { defineLibrary } from '../../harness/library.ts'

export default defineLibrary({
  packages: ['hono'],
  requests: [
    { name: 'list', path: '/messages', contains: '<li data-index="1">Good &lt;Evening&gt;</li>' },
    { name: 'context', path: '/context', contains: 'class="dark"' },
    { name: 'async component', path: '/async', contains: 'Grüße' },
    { name: 'raw html', path: '/raw' },
    { name: 'html helper', path: '/html?name=%3Cscript%3E', contains: '&lt;script&gt;' },
    { name: 'renderer', path: '/page/about', contains: '<p>/page/about</p>' },
    { name: 'suspense', path: '/stream', contains: 'Later' },
  ],
})
