import { defineLibrary } from '../../harness/library.ts'

const markdown = `# Hällo & *wörld*

| a | b |
| :- | -: |
| 1 | ~~2~~ |

- [x] done <script>alert(1)</script>
- https://example.com/ä[^1]

[^1]: A note.

\`\`\`ts
const a = 1
\`\`\`
`

export default defineLibrary({
  packages: ['unified', 'remark-parse', 'remark-gfm', 'remark-rehype', 'rehype-stringify', 'highlight.js'],
  requests: [
    { name: 'html', path: '/html', body: markdown, contains: '<table>' },
    { name: 'tree', path: '/tree', body: markdown, contains: '"type":"root"' },
    {
      name: 'highlight',
      path: '/highlight?language=ts',
      body: 'const ä: number = 1 // <x>',
      contains: 'hljs-keyword',
    },
    {
      name: 'highlight sql',
      path: '/highlight?language=sql',
      body: "SELECT * FROM t WHERE a = 'x'",
      contains: 'hljs',
    },
    { name: 'find the language', path: '/auto', body: 'def f(x):\n    return x + 1\n', contains: 'python' },
    { name: 'languages', path: '/languages' },
  ],
})
