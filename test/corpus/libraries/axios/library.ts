import { defineLibrary } from '../../harness/library.ts'
import { sampleApi } from '../../harness/sample-api.ts'

export default defineLibrary({
  packages: ['axios'],
  upstream: sampleApi,
  requests: [
    { name: 'get', path: '/users/7', contains: '/users/7' },
    { name: 'post', path: '/users', body: { name: 'Ädä', list: [1, null] }, contains: 'Ädä' },
    { name: 'form', method: 'POST', path: '/form', contains: 'fields' },
    { name: 'missing', path: '/missing', status: 404, contains: 'ERR_BAD_REQUEST' },
    { name: 'bytes', path: '/bytes', contains: '[0,127,128,255]' },
    { name: 'interceptors', path: '/interceptors', contains: 'Bearer token' },
    { name: 'cancelled', path: '/cancelled', contains: 'ERR_CANCELED' },
  ],
})
