import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Lab, startLab } from './isolate-lab.ts'

let lab: Lab
let server: Server
let url: string
beforeAll(async () => {
  // `/hang` begins an answer, `/never` gives none; both take a body that never ends.
  server = createServer((incoming, outgoing) => {
    incoming.on('error', () => {}).resume()
    if (incoming.url === '/hang') outgoing.writeHead(200).write('first')
    if (incoming.url === '/whole') outgoing.end('whole')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  lab = await startLab()
})
afterAll(async () => {
  server.closeAllConnections()
  server.close()
  await lab[Symbol.asyncDispose]()
})

/** What an error is, by name and text; what is no error is itself. */
const TOOLS = `
const controller = new AbortController(); const { signal } = controller
const told = (error) => error instanceof Error ? [error.constructor.name, error.name, error.message] : [error]
const failure = (promise) => promise.then((value) => ['came', typeof value], told)
const later = () => setTimeout(() => controller.abort(REASON), 5)
const endless = (seen) => new ReadableStream({ pull: (c) => new Promise((resolve) => setTimeout(resolve, 1)).then(() => c.enqueue(new Uint8Array([1]))), cancel: (reason) => void seen.push(told(reason)) })
`
/** Code that answers on Node what it answers in the isolate. */
const SAME: Readonly<Record<string, string>> = {
  'fetch that got no answer': `later(); return failure(fetch('URL/never', { signal }))`,
  'fetch with a signal that has aborted': `controller.abort(REASON); return failure(fetch('URL/hang', { signal }))`,
  'text()': `const answer = await fetch('URL/hang', { signal }); later(); return failure(answer.text())`,
  'json(), bytes(), arrayBuffer(), blob() and formData()': `const seen = []; for (const name of ['json', 'bytes', 'arrayBuffer', 'blob', 'formData']) { const controller = new AbortController(); const answer = await fetch('URL/hang', { signal: controller.signal }); if (name === 'formData') answer.headers; setTimeout(() => controller.abort(REASON), 5); seen.push(name === 'formData' ? 'left' : await failure(answer[name]())) } return seen`,
  'a reader that waits': `const answer = await fetch('URL/hang', { signal }); const reader = answer.body.getReader(); await reader.read(); later(); return [await failure(reader.read()), await failure(reader.read()), await failure(reader.closed)]`,
  'a reader of its own buffer': `const answer = await fetch('URL/hang', { signal }); const reader = answer.body.getReader({ mode: 'byob' }); const { value } = await reader.read(new Uint8Array(10)); later(); return [value.length, await failure(reader.read(new Uint8Array(10)))]`,
  'a body that nobody reads yet': `const answer = await fetch('URL/hang', { signal }); controller.abort(REASON); return [await failure(answer.text()), answer.bodyUsed]`,
  'for await': `const answer = await fetch('URL/hang', { signal }); later(); const read = async () => { for await (const _ of answer.body); }; return failure(read())`,
  pipeTo: `const seen = []; const answer = await fetch('URL/hang', { signal }); later(); return [await failure(answer.body.pipeTo(new WritableStream({ abort: (reason) => void seen.push(told(reason)) }))), seen]`,
  pipeThrough: `const answer = await fetch('URL/hang', { signal }); later(); return failure(new Response(answer.body.pipeThrough(new TransformStream())).text())`,
  'both of a clone': `const answer = await fetch('URL/hang', { signal }); const copy = answer.clone(); later(); return Promise.all([failure(answer.text()), failure(copy.text())])`,
  'both of a tee': `const answer = await fetch('URL/hang', { signal }); const [a, b] = answer.body.tee(); later(); return Promise.all([failure(new Response(a).text()), failure(b.getReader().read().then(({ value }) => value.length))])`,
  'a Request with a signal': `const asked = new Request('URL/hang', { signal }); const answer = await fetch(asked); later(); return [await failure(answer.text()), asked.signal.aborted, told(asked.signal.reason)]`,
  'a copy of a Request with a signal': `const answer = await fetch(new Request('URL/hang', { signal }).clone()); later(); return failure(answer.text())`,
  'AbortSignal.any': `const answer = await fetch('URL/hang', { signal: AbortSignal.any([signal, new AbortController().signal]) }); later(); return failure(answer.text())`,
  'AbortSignal.timeout, before an answer': `return failure(fetch('URL/never', { signal: AbortSignal.timeout(20) }))`,
  'AbortSignal.timeout, while a body is read': `const answer = await fetch('URL/hang', { signal: AbortSignal.timeout(150) }); return failure(answer.text())`,
  'a body that is sent': `later(); return failure(fetch('URL/never', { method: 'POST', body: endless([]), duplex: 'half', signal }))`,
  'an abort after all of it was read': `const answer = await fetch('URL/whole', { signal }); const text = await answer.text(); controller.abort(REASON); return [text, answer.bodyUsed]`,
  'an abort that changes no other call': `const [a, b] = await Promise.all([fetch('URL/hang', { signal }), fetch('URL/whole')]); controller.abort(REASON); return [await failure(a.text()), await b.text()]`,
}
const REASONS: Readonly<Record<string, string>> = {
  'no reason': `undefined`,
  'an error of the app': `new RangeError('enough')`,
  'a text': `'stop'`,
}

describe('an abort gives the reason of the signal, as on Node:', () => {
  for (const [kind, reason] of Object.entries(REASONS))
    for (const [name, code] of Object.entries(SAME)) {
      // oxlint-disable-next-line vitest/valid-title -- the table has the titles
      it(`${name}, with ${kind}`, async () => {
        const text = (TOOLS + code).replaceAll('REASON', `(${reason})`).replaceAll('URL', url)
        const AsyncFunction = (async () => {}).constructor as new (code: string) => () => Promise<unknown>
        const expected: unknown = JSON.parse(JSON.stringify(await new AsyncFunction(text)()))
        expect(await lab.run(text)).toEqual(expected)
      })
    }
})

it('an abort cancels the stream that is sent, with its reason, as the standard has it', async () => {
  const code = `const cancelled = Promise.withResolvers(); later();
    const answer = await failure(fetch('${url}/never', { method: 'POST', body: endless({ push: cancelled.resolve }), signal }));
    return [answer, await cancelled.promise]`
  expect(await lab.run((TOOLS + code).replaceAll('REASON', `'stop'`))).toEqual([['stop'], ['stop']])
})
