import { defineWorker } from '../../harness/workers/worker.ts'

const auth = { 'X-Custom-Auth-Key': 'correct horse' }

export default defineWorker({
  style: "files in R2 behind a key, as Cloudflare's own guide has it, TypeScript with wrangler.toml",
  requests: [
    { name: 'forbidden', path: '/a.txt', method: 'PUT', body: 'x', status: 403 },
    {
      name: 'put',
      path: '/a.txt',
      method: 'PUT',
      body: 'Hello, ü!',
      headers: {
        ...auth,
        'x-by': 'Ada',
        'content-type': 'text/plain;charset=utf-8',
        'content-disposition': 'inline',
      },
      status: 201,
    },
    { name: 'get', path: '/a.txt', contains: 'Hello, ü!' },
    { name: 'head', path: '/a.txt', method: 'HEAD' },
    { name: 'range', path: '/a.txt', headers: { range: 'bytes=2-4' }, status: 206, contains: 'llo' },
    {
      name: 'not modified',
      path: '/a.txt',
      headers: ({ get }) => ({ 'if-none-match': get?.headers['etag'] ?? '' }),
      status: 304,
    },
    { name: 'form', path: '/up', body: form(), headers: auth, contains: '"size":5' },
    { name: 'file of the form', path: '/up/b.txt', contains: 'bytes' },
    {
      name: 'key of another script',
      path: '/%C3%BC/%E2%9C%93',
      method: 'PUT',
      body: new Uint8Array([0, 255, 1]),
      headers: auth,
      status: 201,
    },
    { name: 'its bytes', path: '/%C3%BC/%E2%9C%93' },
    { name: 'list', path: '/', contains: '"By":"Ada"' },
    { name: 'list of a folder', path: '/?prefix=up/', contains: 'up/b.txt' },
    { name: 'not there', path: '/none', status: 404 },
    { name: 'delete', path: '/a.txt', method: 'DELETE', headers: auth },
    { name: 'gone', path: '/a.txt', status: 404 },
    { name: 'another method', path: '/a.txt', method: 'OPTIONS', status: 405 },
  ],
})

function form(): FormData {
  const data = new FormData()
  data.set('note', 'no file')
  data.set('file', new File(['bytes'], 'b.txt', { type: 'text/plain' }))
  return data
}
