import { defineLibrary } from '../../harness/library.ts'

export default defineLibrary({
  packages: ['valibot'],
  requests: [
    {
      name: 'valid',
      path: '/login',
      body: { email: ' Jane@Example.com ', password: '12345678' },
      contains: 'jane@',
    },
    {
      name: 'invalid',
      path: '/login',
      body: { email: 'jane', password: '1' },
      status: 400,
      contains: 'badly',
    },
    {
      name: 'no date',
      path: '/login',
      body: { email: 'a@b.co', password: '12345678', since: 'x' },
      status: 400,
    },
    { name: 'variant', path: '/shape', body: { kind: 'circle', radius: 2 } },
    { name: 'not strict', path: '/shape', body: { kind: 'square', side: 1, radius: 2 }, status: 400 },
  ],
})
