import { defineLibrary } from '../../harness/library.ts'

export default defineLibrary({
  packages: ['react', 'react-dom'],
  requests: [
    { name: 'string', path: '/string', contains: 'class="dark"' },
    { name: 'list', path: '/list', contains: '&lt;b&gt;' },
    { name: 'stream', path: '/stream', contains: 'Gräße' },
    { name: 'suspense', path: '/suspense', contains: 'Later, ä' },
    { name: 'a component that throws', path: '/breaks', status: 500, contains: 'in a component' },
  ],
})
