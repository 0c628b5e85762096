import { defineLibrary } from '../../harness/library.ts'

export default defineLibrary({
  packages: ['hono'],
  requests: [
    { name: 'events', path: '/sse', contains: 'data: It is number 4' },
    { name: 'text', path: '/text', contains: '🎉' },
    { name: 'bytes', path: '/bytes', contains: 'Hello from a blob' },
    { name: 'an error in the stream', path: '/fails', contains: 'An error occurred: in the stream' },
    { name: 'echo', path: '/echo', body: 'ä'.repeat(40_000) },
  ],
})
