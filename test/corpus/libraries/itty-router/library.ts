import { defineLibrary } from '../../harness/library.ts'

export default defineLibrary({
  packages: ['itty-router'],
  requests: [
    { name: 'parameter', path: '/hello/Ada', contains: 'Hello, Ada!' },
    { name: 'optional', path: '/todos?a=1&a=2', contains: '["1","2"]' },
    { name: 'body', path: '/todos', body: { title: 'ä' }, status: 201 },
    { name: 'unauthorized', path: '/me', status: 401 },
    { name: 'authorized', path: '/me', headers: { authorization: 'ada', origin: 'https://example.com' } },
    {
      name: 'preflight',
      method: 'OPTIONS',
      path: '/me',
      headers: { origin: 'https://example.com', 'access-control-request-method': 'GET' },
      status: 204,
    },
    { name: 'text', path: '/text', contains: 'plain ä' },
    { name: 'throws', path: '/throws', status: 500 },
    { name: 'not found', path: '/nowhere', status: 404 },
  ],
})
