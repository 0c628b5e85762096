import { defineLibrary } from '../../harness/library.ts'

export default defineLibrary({
  packages: ['drizzle-orm'],
  requests: [
    {
      name: 'insert',
      path: '/users',
      body: [
        { id: 'a', name: 'Ada', age: 36, settings: { theme: 'dark' } },
        { id: 'b', name: 'Bøb', age: 20, settings: { theme: 'light' } },
      ],
      status: 201,
    },
    {
      name: 'insert more',
      path: '/posts',
      body: [
        { id: '1', author: 'a', title: 'One' },
        { id: '2', author: 'a', title: 'Two' },
      ],
      status: 204,
    },
    { name: 'select', path: '/users', contains: '{"theme":"light"}' },
    { name: 'where', path: '/users?age=30', contains: 'Ada' },
    { name: 'join', path: '/counts', contains: '"posts":2' },
    { name: 'query', path: '/user?id=b', contains: 'Bøb' },
    { name: 'query of nobody', path: '/user?id=z', contains: 'null' },
    { name: 'update', method: 'PATCH', path: '/users?id=a', contains: '"age":37' },
    { name: 'delete', method: 'DELETE', path: '/posts?id=a', contains: '0' },
  ],
})
