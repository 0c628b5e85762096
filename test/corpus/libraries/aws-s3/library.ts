import { defineLibrary } from '../../harness/library.ts'

const text = { 'content-type': 'text/plain; charset=utf-8' }

export default defineLibrary({
  packages: ['@aws-sdk/client-s3'],
  services: ['aws'],
  requests: [
    { name: 'bucket', method: 'POST', path: '/bucket', status: 204 },
    { name: 'put', method: 'PUT', path: '/files/a.txt', body: 'Hällo', headers: text, contains: '200' },
    {
      name: 'put more',
      method: 'PUT',
      path: '/files/b.txt',
      body: 'x'.repeat(70_000),
      headers: text,
      contains: '200',
    },
    { name: 'get', path: '/files/a.txt', contains: 'Hällo' },
    { name: 'get a stream', path: '/streams/b.txt', contains: 'xxx' },
    { name: 'get nothing', path: '/files/c.txt', status: 404, contains: 'NoSuchKey' },
    { name: 'list', path: '/files', contains: '"Size":70000' },
    { name: 'delete', method: 'DELETE', path: '/files/a.txt', contains: 'NotFound' },
  ],
})
