import { defineLibrary } from '../../harness/library.ts'

export default defineLibrary({
  packages: ['effect'],
  requests: [
    { name: 'a service', path: '/users?id=1', contains: 'Ädä' },
    { name: 'a tagged error', path: '/users?id=2', status: 404, contains: '"name":"NotFound"' },
    { name: 'schema', path: '/schema', body: { name: 'Ada', age: '36' }, contains: '"age":36' },
    { name: 'schema, invalid', path: '/schema', body: { name: '', age: 'x' }, status: 400, contains: 'name' },
    { name: 'retry', path: '/retry', contains: '"tries":3' },
    { name: 'stream', path: '/stream', contains: '[[2,4],[6,8],[10]]' },
    { name: 'parallel', path: '/parallel', contains: '"first":10' },
    { name: 'a defect', path: '/defect', contains: 'RangeError: a defect' },
  ],
})
