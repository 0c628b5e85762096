import { defineApp, defineBindings, kv } from 'unmoor'
import { answers } from './answers.ts'
import { readFileSync } from 'node:fs' // expect: import-builtin
import { createServer } from 'http' // expect: import-builtin
import { machine } from 'machine-code' // expect: import-addon
import { label } from 'chained'
import { ask, load } from 'trying'
import { upgrade } from 'sockets'

const bindings = defineBindings({ links: kv() })
const started = crypto.randomUUID() // expect: global-io
const first = fetch('https://example.com/') // expect: global-io
setInterval(() => {}, 1000) // expect: global-io
const lazy = (): Promise<Response> => fetch('https://example.com/')

export default defineApp({
  bindings,
  fetch: async (request, env) => {
    const made = eval('1 + 1') as number // expect: code-eval
    const add = new Function('a', 'return a') as (a: number) => number // expect: code-eval
    const name = request.url.slice(1)
    const module = (await import(name)) as object // expect: import-dynamic
    const compiled = await WebAssembly.compile(new Uint8Array(8)) // expect: code-wasm
    const instance = await WebAssembly.instantiate(new Uint8Array(8)) // expect: code-wasm
    const mode = process.env['MODE'] // expect: env-undeclared
    const text = Buffer.from('a')
    const here = __dirname // expect: global-missing
    const stored = localStorage.getItem('a') // expect: global-missing
    const shared = await caches.open('x') // expect: global-missing
    const known = typeof navigator === 'undefined' ? '' : navigator.userAgent
    const packed = new Response('a', { encodeBody: 'automatic' } as ResponseInit) // expect: body-encoding
    const raw = await fetch(request.url, { encodeResponseBody: 'manual' } as RequestInit) // expect: body-encoding
    const mine = new Response('a', { encodeBody: 'manual' } as ResponseInit)
    const gone = new Response('', { status: 204 }) // expect: null-body
    const same = new Response(`a`, { status: 304 }) // expect: null-body
    const none = new Response(null, { status: 204 })
    const nothing = new Response(undefined, { status: 205 })
    const full = new Response('', { status: 200 })
    const socket = new WebSocketPair() // expect: global-missing
    const own = env.links.native // expect: binding-native
    setImmediate(() => {})
    const form = await request.formData() // expect: form-parts
    const shadow = (require: (id: string) => string): string => require('x')
    return Response.json([started, first, lazy, made, add, module, compiled, instance, mode, text, here, stored, shared, known, socket, own, form, shadow, packed, raw, mine, gone, same, none, nothing, full, machine, label, ask, load, readFileSync, createServer, upgrade, answers])
  },
})
