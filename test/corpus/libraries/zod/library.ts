import { defineLibrary } from '../../harness/library.ts'

export default defineLibrary({
  packages: ['zod'],
  requests: [
    {
      name: 'valid',
      path: '/players',
      body: { username: 'bob', email: 'bob@example.com', xp: '7' },
      status: 201,
    },
    {
      name: 'invalid',
      path: '/players',
      body: { username: 'b', email: 'no', tags: ['a', 'b', 'c'] },
      status: 400,
    },
    { name: 'union', path: '/events', body: { type: 'click', x: 1, y: 2 } },
    { name: 'not in the union', path: '/events', body: { type: 'touch' }, status: 400, contains: 'ZodError' },
    { name: 'json schema', path: '/schema' },
    { name: 'transform', path: '/transform?list=1,2,3', contains: '[1,2,3]' },
    { name: 'instance', path: '/instance?class=email', contains: 'true' },
    { name: 'no instance', path: '/instance', contains: 'Email' },
  ],
})
