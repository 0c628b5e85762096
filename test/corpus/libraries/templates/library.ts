import { defineLibrary } from '../../harness/library.ts'

const markdown =
  '# Title\n\nSome *text* with [a link](https://example.com) "quoted".\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```js\nlet x = 1 < 2\n```\n'

export default defineLibrary({
  packages: ['mustache', 'marked', 'markdown-it', 'sanitize-html'],
  requests: [
    {
      name: 'mustache',
      path: '/mustache',
      body: { name: '<Ada>', items: [{ title: 'Tea & Co', price: '<b>1</b>' }] },
      contains: '&lt;Ada&gt;',
    },
    {
      name: 'mustache without items',
      path: '/mustache',
      body: { name: 'Bob', items: [] },
      contains: 'nothing',
    },
    { name: 'marked', path: '/marked', body: markdown, contains: '<table>' },
    { name: 'an own renderer', path: '/extended', body: markdown, contains: '<h1 id="x">' },
    { name: 'markdown-it', path: '/markdown-it', body: markdown, contains: '“quoted”' },
    {
      name: 'sanitize-html',
      path: '/sanitize',
      body: '<b onclick="x()">b</b><script>alert(1)</script><a href="javascript:x">a</a>',
      contains: '<b>b</b>',
    },
  ],
})
