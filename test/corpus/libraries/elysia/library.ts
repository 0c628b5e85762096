import { defineLibrary } from '../../harness/library.ts'

export default defineLibrary({
  packages: ['elysia'],
  requests: [
    { name: 'text', path: '/', contains: 'Hällo' },
    { name: 'parameters', path: '/users/7?full=true', headers: { 'x-user': 'ada' }, contains: '"id":7' },
    { name: 'a bad parameter', path: '/users/x', status: 422 },
    { name: 'a body', path: '/users', body: { name: 'Bøb', age: 3 }, status: 201, contains: 'Bøb' },
    { name: 'a bad body', path: '/users', body: { name: 'B' }, status: 422 },
    { name: 'a cookie', path: '/cookie', headers: { cookie: 'seen=before' }, contains: 'before' },
    { name: 'a guard', path: '/admin/secret', status: 403, contains: 'not you' },
    { name: 'past the guard', path: '/admin/secret', headers: { 'x-user': 'ada' }, contains: 'secret' },
    { name: 'a stream', path: '/stream', contains: 'part 3;' },
    { name: 'an error', path: '/fails', status: 500, contains: 'RangeError' },
    { name: 'no route', path: '/none', status: 404, contains: 'no such place' },
  ],
})
