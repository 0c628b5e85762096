import { defineWorker } from '../../harness/workers/worker.ts'

export default defineWorker({
  style: 'WebAssembly, text and data by module rules, CommonJS and top-level await',
  requests: [
    { name: 'page', path: '/?name=Ada', contains: 'Hello Ada, ü' },
    { name: 'data', path: '/data', contains: '[0,255,1,128]' },
    { name: 'script as text', path: '/client.js', contains: 'never run' },
    { name: 'WebAssembly', path: '/add?a=2&b=40', contains: '"sum":42' },
    { name: 'WebAssembly by ?module', path: '/again', contains: '42' },
    { name: 'CommonJS', path: '/cjs', contains: 'hello cjs' },
    { name: 'not found', path: '/x', status: 404 },
  ],
})
