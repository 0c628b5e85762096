import { defineLibrary } from '../../harness/library.ts'

const svg = `<?xml version="1.0"?>
<!-- a comment -->
<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20">
  <style>.a { fill: #ff0000; stroke: rgb(0, 0, 255) }</style>
  <g id="x"><path class="a" d="M 10.00001,10 L 20,10 L 20,20 z"/><text>ä &amp; ö</text></g>
</svg>`

export default defineLibrary({
  packages: ['svgo'],
  requests: [
    { name: 'default', path: '/default', body: svg, contains: '<path' },
    { name: 'pretty', path: '/pretty', body: svg, contains: '\n' },
    { name: 'a data URI', path: '/uri', body: svg, contains: 'data:image/svg+xml;base64,' },
    { name: 'ids', path: '/ids', body: svg, contains: 'p-x' },
    {
      name: 'no SVG',
      path: '/default',
      body: '<svg><a></b></svg>',
      status: 400,
      contains: 'SvgoParserError',
    },
  ],
})
