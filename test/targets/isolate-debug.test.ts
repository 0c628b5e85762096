import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connectDebugger } from './devtools-client.ts'
import { type Lab, startLab } from './isolate-lab.ts'

const APP = `import { defineApp } from 'unmoor'

interface Order {
  id: string
}

function charge(order: Order | undefined): string {
  return order!.id.toUpperCase() // line 8
}

export default defineApp({
  async fetch(request) {
    const { pathname } = new URL(request.url)
    if (pathname === '/throw') return new Response(charge(undefined))
    if (pathname === '/markup') throw new Error('<script>alert(1)</script>')
    if (pathname === '/later') void Promise.reject(new Error('nobody waits'))
    if (pathname === '/pause') {
      const answer = 41
      debugger
      return new Response(String(answer + 1))
    }
    return new Response('hello')
  },
})
`

describe('stack traces', () => {
  let lab: Lab
  beforeAll(async () => {
    lab = await startLab({ app: APP })
  })
  afterAll(() => lab[Symbol.asyncDispose]())

  it('in the log are in the app’s own sources, and end where the host begins; clients see none', async () => {
    const response = await fetch(`${lab.runtime.url}/throw`)
    expect([response.status, await response.text()]).toEqual([500, 'Internal Server Error'])
    await expect
      .poll(() => lab.lines.join('\n'))
      .toMatch(
        /failed: TypeError: Cannot read properties of undefined \(reading 'id'\)\n\s+at \S+ \(src\/app\.ts:8:\d+\)\n\s+at \S+ \(src\/app\.ts:14:\d+\)/,
      )
    await fetch(`${lab.runtime.url}/later`)
    await expect
      .poll(() => lab.lines.join('\n'))
      .toMatch(/Unhandled rejection: Error: nobody waits\n\s+at \S+ \(src\/app\.ts:16:\d+\)/)
    expect(lab.lines.join('\n')).not.toMatch(/isolated-vm boundary|guest\.ts|server\.mjs/)
  })

  it('of an app that does not start are, too', async () => {
    const app = `import { defineApp } from 'unmoor'\n\nconst settings = (): never => {\n  throw new Error('no settings')\n}\nif (navigator.userAgent === 'unmoor') settings()\nexport default defineApp({ fetch: () => new Response('') })`
    await expect(startLab({ app })).rejects.toThrow(
      /no settings\n\s+at .*src\/app\.ts:4:\d+\)?\n\s+at src\/app\.ts:6:\d+/,
    )
  })
})

describe('the error page', () => {
  it('shows a browser the message, the stack and the lines around; text for others; while developing only', async () => {
    await using lab = await startLab({ app: APP, start: { development: true } })
    const page = await fetch(`${lab.runtime.url}/throw`, { headers: { accept: 'text/html,*/*' } })
    const html = await page.text()
    expect([page.status, page.headers.get('content-type')]).toEqual([500, 'text/html; charset=utf-8'])
    expect(html).toContain('<h1>TypeError: Cannot read properties of undefined (reading &#39;id&#39;)</h1>')
    expect(html).toContain('<p>src/app.ts:8</p>')
    expect(html).toContain('<mark>    8    return order!.id.toUpperCase() // line 8</mark>')
    expect(
      await (await fetch(`${lab.runtime.url}/markup`, { headers: { accept: 'text/html' } })).text(),
    ).not.toContain('<script>')
    const text = await fetch(`${lab.runtime.url}/throw`)
    expect([text.headers.get('content-type'), await text.text()]).toEqual([
      'text/plain; charset=utf-8',
      expect.stringContaining('src/app.ts:8'),
    ])
  })
})

describe('the inspector', () => {
  it('speaks the protocol of DevTools: evaluates, names the sources, stops at a debugger statement for longer than the limits', async () => {
    await using lab = await startLab({
      app: APP,
      isolate: { cpuMs: 50, wallTimeout: 0.2, stopTimeout: 3600 },
      start: { inspectPort: 0 },
    })
    const [, url = ''] = /Debugger listening on (ws:\S+)/.exec(lab.lines.join('\n')) ?? []
    const http = url.replace('ws:', 'http:').replace(/\/[^/]*$/, '')
    expect(await (await fetch(`${http}/json/list`)).json()).toMatchObject([{ webSocketDebuggerUrl: url }])

    const client = await connectDebugger(url)
    expect(
      await client.call('Runtime.evaluate', { expression: '[1, 2].map((x) => x * 21)[1]' }),
    ).toMatchObject({ result: { value: 42 } })
    await client.call('Debugger.enable')
    const script = await client.event('Debugger.scriptParsed', ({ url }) => url === 'app.js')
    expect(script['sourceMapURL']).toMatch(/^data:application\/json;base64,/)

    const answered = fetch(`${lab.runtime.url}/pause`).then((response) => response.text())
    const { callFrames } = (await client.event('Debugger.paused')) as unknown as {
      callFrames: { callFrameId: string; scopeChain: unknown[] }[]
    }
    await new Promise((resolve) => setTimeout(resolve, 400))
    const value = await client.call('Debugger.evaluateOnCallFrame', {
      callFrameId: callFrames[0]?.callFrameId,
      expression: 'navigator.userAgent + new Response("x").status',
    })
    expect(value).toMatchObject({ result: { value: 'unmoor200' } })
    await client.call('Debugger.resume')
    expect(await answered).toBe('42')
    // The stop comes with the debugger still there, and waits for nobody to close it: that would take its
    // hour.
    await lab.runtime.stop()
  })
})
