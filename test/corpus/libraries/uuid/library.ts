import { defineLibrary } from '../../harness/library.ts'

export default defineLibrary({
  packages: ['uuid', 'nanoid', 'ulid'],
  requests: [
    { name: 'random', path: '/random', contains: '"version":4' },
    { name: 'given bytes', path: '/given' },
    { name: 'of names', path: '/names' },
    { name: 'of the time', path: '/time', contains: '1' },
    { name: 'bytes', path: '/bytes', contains: '6ec0bd7f' },
    { name: 'nanoid', path: '/nanoid', contains: '{"id":true,"own":true}' },
    { name: 'ulid', path: '/ulid', contains: 'true' },
  ],
})
