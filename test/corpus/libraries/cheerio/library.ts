import { defineLibrary } from '../../harness/library.ts'

const body = '<h2 class="title">Hällo</h2><ul><li>a<li>b<li><a href="/c">c &amp; d</a></ul><p>nothing'

export default defineLibrary({
  packages: ['cheerio'],
  requests: [
    { name: 'links', path: '/links', body, contains: 'c & d' },
    { name: 'edit', path: '/edit', body, contains: 'Hello &lt;there&gt;!' },
    { name: 'extract', path: '/extract', body, contains: 'Hällo' },
    { name: 'xml', path: '/xml', body, contains: '<b x="1"/>' },
    { name: 'contains', path: '/contains', body, contains: '1' },
  ],
})
