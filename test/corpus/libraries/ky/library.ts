import { defineLibrary } from '../../harness/library.ts'
import { sampleApi } from '../../harness/sample-api.ts'

export default defineLibrary({
  packages: ['ky'],
  upstream: sampleApi,
  requests: [
    { name: 'get', path: '/users/7', contains: '/users/7' },
    { name: 'post', path: '/users', body: { name: 'Ädä' }, contains: 'Ädä' },
    { name: 'missing', path: '/missing', status: 404, contains: 'HTTPError' },
    { name: 'redirect', path: '/redirect', contains: '/users/2' },
    { name: 'hooks', path: '/hooks', contains: 'Bearer token' },
    { name: 'bytes', path: '/bytes' },
  ],
})
