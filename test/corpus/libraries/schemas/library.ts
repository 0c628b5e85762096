import { defineLibrary } from '../../harness/library.ts'

export default defineLibrary({
  packages: ['joi', '@sinclair/typebox', 'arktype', 'superstruct'],
  requests: [
    {
      name: 'joi',
      path: '/joi',
      body: { name: 'Ädä', email: 'ada@example.com', age: '36', at: '2020-01-02T03:04:05Z' },
      contains: '"age":36',
    },
    {
      name: 'joi, invalid',
      path: '/joi',
      body: { name: 'A', email: 'nobody' },
      status: 400,
      contains: 'ValidationError',
    },
    { name: 'typebox', path: '/typebox', body: { id: '7', kind: 'a' }, contains: '"tags":[]' },
    {
      name: 'typebox, invalid',
      path: '/typebox',
      body: { id: 0, kind: 'c' },
      status: 400,
      contains: '/kind',
    },
    { name: 'arktype', path: '/arktype', body: { name: 'Ada', roles: ['admin'] }, contains: 'admin' },
    {
      name: 'arktype, invalid',
      path: '/arktype',
      body: { name: 'A', roles: ['x'] },
      status: 400,
      contains: 'roles',
    },
    { name: 'superstruct', path: '/superstruct', body: { id: 1, tags: [] }, contains: '"state":"off"' },
    {
      name: 'superstruct, invalid',
      path: '/superstruct',
      body: { id: 'x', tags: [] },
      status: 400,
      contains: 'StructError',
    },
  ],
})
