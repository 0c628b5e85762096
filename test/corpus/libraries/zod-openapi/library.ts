import { defineLibrary } from '../../harness/library.ts'

export default defineLibrary({
  packages: ['@hono/zod-openapi'],
  requests: [
    { name: 'get', path: '/users/1212', contains: 'Ultra-man' },
    { name: 'get with a query', path: '/users/1212?verbose=yes', contains: '"age":20' },
    { name: 'invalid parameter', path: '/users/1', status: 400 },
    { name: 'create', path: '/users', body: { id: '1', name: 'Jane' }, status: 201 },
    { name: 'invalid body', path: '/users', body: { id: 1 }, status: 400, contains: 'issues' },
    { name: 'document', path: '/doc', contains: '#/components/schemas/User' },
    { name: 'document 3.1', path: '/doc31', contains: '3.1.0' },
  ],
})
