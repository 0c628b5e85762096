import { defineLibrary } from '../../harness/library.ts'

export default defineLibrary({
  packages: ['@reduxjs/toolkit', 'immer'],
  requests: [
    { name: 'count', path: '/count', contains: '{"value":6}' },
    { name: 'load', path: '/load', contains: 'Bøb' },
    { name: 'a failed load', path: '/fails', contains: 'RangeError: no user 2' },
    { name: 'produce', path: '/produce', contains: '"same":true' },
    { name: 'patches', path: '/patches', contains: '"op":"replace"' },
  ],
})
