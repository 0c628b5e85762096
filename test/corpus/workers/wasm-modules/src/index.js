import page from './page.html'
import data from './data.bin'
import template from './client.tpl.js'
import add from './add.wasm'
import fib from './fib.wasm?module'
import { greet } from './cjs.cjs'

const instance = await WebAssembly.instantiate(add)

export default {
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url)
    switch (pathname) {
      case '/':
        return new Response(page.replace('{{name}}', searchParams.get('name') ?? 'you'), {
          headers: { 'content-type': 'text/html' },
        })
      case '/data':
        return Response.json({ type: data.constructor.name, bytes: [...new Uint8Array(data)] })
      case '/client.js':
        return new Response(template, { headers: { 'content-type': 'text/javascript' } })
      case '/add':
        return Response.json({
          sum: instance.exports.add(Number(searchParams.get('a')), Number(searchParams.get('b'))),
          module: add instanceof WebAssembly.Module,
        })
      case '/again': {
        const { exports } = new WebAssembly.Instance(fib, {})
        return Response.json(exports.add(20, 22))
      }
      case '/compile':
        try {
          await WebAssembly.compile(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]))
          return new Response('compiled')
        } catch (error) {
          return new Response(error.name, { status: 500 })
        }
      case '/cjs':
        return new Response(greet('cjs'))
    }
    return new Response('no', { status: 404 })
  },
}
