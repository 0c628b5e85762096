import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { startUnmoor } from './cli-process.ts'
import { appSource, linkPackages, tempProject } from './temp-project.ts'

const urlIn = (line: string): string => /http:\/\/[\d.:]+/.exec(line)?.[0] ?? `no URL in ${line}`

/** Runs `unmoor dev` in a folder; stops it in order at the end, which must go well. */
async function startDev(dir: string, args: string[] = ['--port', '0'], env: Record<string, string> = {}) {
  const { child, result, line } = startUnmoor(['dev', ...args], { cwd: dir, env })
  return {
    line,
    async [Symbol.asyncDispose]() {
      child.kill('SIGINT')
      expect(await result).toMatchObject({ code: 0 })
    },
  }
}

test('unmoor dev restarts at a change, and keeps the old build while a new one fails', async () => {
  await using project = await tempProject({ 'src/app.ts': appSource(), 'src/text.ts': '' })
  const { child, result, line } = startUnmoor(['dev', '--port', '0'], { cwd: project.dir })
  try {
    const first = urlIn(await line('Ctrl-C'))
    expect(await (await fetch(first)).text()).toBe('hello')
    const source = await readFile(join(project.dir, 'src/app.ts'), 'utf8')
    await project.write({ 'src/app.ts': 'const a = 1 +* 1' })
    await line('The old build keeps running')
    expect(await (await fetch(first)).text()).toBe('hello')
    await project.write({
      'src/app.ts': source.replace('hello', 'changed'),
      'unmoor.config.ts': 'export default { name: "renamed" }',
    })
    expect(urlIn(await line('renamed on node'))).toBe(first)
    expect(await (await fetch(first)).text()).toBe('changed')
  } finally {
    child.kill('SIGINT')
  }
  expect((await result).code).toBe(0)
})

test('unmoor dev restarts for what its build read, not for a log of its own; errors name the places in the source', async () => {
  await using project = await tempProject({
    'src/app.ts': `import { defineApp } from 'unmoor'
import text from './text.json' with { type: 'json' }
export default defineApp({
  fetch(request) {
    if (request.url.endsWith('/fail')) throw new Error('as asked')
    return Response.json(text)
  },
})
`,
    'src/text.json': '"first"',
  })
  const { child, result, line } = startUnmoor(['dev', '--port', '0'], { cwd: project.dir })
  try {
    const first = urlIn(await line('Ctrl-C'))
    expect((await fetch(`${first}/fail`)).status).toBe(500)
    expect(await line('src/app.ts:')).toMatch(/src\/app\.ts:5:\d+/)
    await project.write({ 'dev.log': 'a line', 'data/state.json': '{}' })
    await new Promise((resolve) => setTimeout(resolve, 300))
    await project.write({ 'src/text.json': '"second"' })
    expect(await line(' changed')).toBe(join('src', 'text.json changed'))
  } finally {
    child.kill('SIGINT')
  }
  expect((await result).stderr.match(/ changed/g)).toHaveLength(1)
})

test('unmoor dev loses no request while it replaces the app', async () => {
  const source = (version: number): string => `import { defineApp } from 'unmoor'
export default defineApp({
  async fetch(request) {
    const text = await request.text()
    return new Response('${version} ' + text.length)
  },
})
`
  await using project = await tempProject({ 'src/app.ts': source(0) })
  await using dev = await startDev(project.dir)
  const url = urlIn(await dev.line('Ctrl-C'))
  const agent = new Agent({ keepAlive: true })
  const answers: string[] = []
  const over = new AbortController()
  const send = (method: string): Promise<string> =>
    new Promise((resolve) => {
      const outgoing = request(url, { method, agent }, (incoming) => {
        void text(incoming).then((body) => resolve(`${incoming.statusCode} ${body}`))
      })
      outgoing
        .on('error', (error) => resolve(String(error)))
        .end(method === 'POST' ? 'x'.repeat(9) : undefined)
    })
  const clients = ['GET', 'POST', 'GET', 'POST'].map(async (method) => {
    while (!over.signal.aborted) {
      answers.push(await send(method))
      await sleep(2)
    }
  })
  for (const version of [1, 2, 3]) {
    await project.write({ 'src/app.ts': source(version) })
    const isThere = (): boolean => answers.at(-1)?.startsWith(`200 ${version}`) === true
    while (!isThere()) await sleep(5)
  }
  over.abort()
  await Promise.all(clients)
  agent.destroy()
  expect(answers.filter((answer) => !/^200 [0-3] [09]$/.test(answer))).toEqual([])
  expect(new Set(answers.map((answer) => answer[4]))).toEqual(new Set(['0', '1', '2', '3']))
})

test('unmoor dev sees a change in a package of the workspace', async () => {
  const root = await mkdtemp(join(tmpdir(), 'unmoor-workspace-'))
  const app = join(root, 'apps/api')
  const library = join(root, 'packages/deep/text')
  try {
    await mkdir(join(app, 'src'), { recursive: true })
    await mkdir(join(library, 'dist'), { recursive: true })
    await writeFile(join(app, 'package.json'), '{ "name": "api", "type": "module" }')
    await linkPackages(app)
    await symlink(library, join(app, 'node_modules/text'))
    await writeFile(
      join(library, 'package.json'),
      '{ "name": "text", "type": "module", "exports": "./dist/index.js" }',
    )
    await writeFile(join(library, 'dist/index.js'), `export const text = 'first'`)
    await writeFile(
      join(app, 'src/app.ts'),
      `import { defineApp } from 'unmoor'
import { text } from 'text'
export default defineApp({ fetch: () => new Response(text) })`,
    )
    await using dev = await startDev(app)
    const url = urlIn(await dev.line('Ctrl-C'))
    expect(await (await fetch(url)).text()).toBe('first')
    await writeFile(join(library, 'dist/index.js'), `export const text = 'second'`)
    expect(await dev.line(' changed')).toContain(join('packages', 'deep', 'text', 'dist', 'index.js'))
    await expect.poll(async () => (await fetch(url)).text()).toBe('second')
  } finally {
    await rm(root, { recursive: true, force: true })
  }
})

test('unmoor dev takes the next port where one is in use, also the one of PORT', async () => {
  await using project = await tempProject({ 'src/app.ts': appSource() })
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  try {
    await using dev = await startDev(project.dir, [], { PORT: String(port) })
    expect(await dev.line('is in use')).toContain(`Port ${port} is in use: the app is at `)
    const url = urlIn(await dev.line('Ctrl-C'))
    expect(Number(new URL(url).port)).toBeGreaterThan(port)
    expect(await (await fetch(url)).text()).toBe('hello')
  } finally {
    other.close()
  }
})

test('unmoor dev answers with what went wrong where no app runs, and with the app once it does', async () => {
  await using project = await tempProject({ 'src/app.ts': 'export default 1 +* 1' })
  await using dev = await startDev(project.dir, ['--port', '0', '--host', '127.0.0.1'])
  await dev.line('Waiting for a change')
  // The command says its port when an app answers there: until then it is asked of the process.
  await project.write({ 'src/app.ts': appSource({ bindings: 'apiKey: unmoor.secret()' }) })
  await dev.line('API_KEY')
  await project.write({ '.env': 'API_KEY=x' })
  const url = urlIn(await dev.line('Ctrl-C'))
  expect(await (await fetch(url)).text()).toBe('hello')
  await rm(join(project.dir, '.env'))
  await expect.poll(async () => (await fetch(url)).status).toBe(503)
  const page = await fetch(url, { headers: { accept: 'text/html,*/*' } })
  expect(page.headers.get('content-type')).toContain('text/html')
  expect(await page.text()).toContain('set API_KEY')
  const json = await fetch(url, { method: 'POST', body: 'x' })
  expect(json.headers.get('content-type')).toBe('application/problem+json')
  expect(await json.json()).toMatchObject({ status: 503, detail: expect.stringContaining('set API_KEY') })
  await project.write({ '.env': 'API_KEY=<y>' })
  await expect.poll(async () => (await fetch(url)).status).toBe(200)
})

test('unmoor dev hands requests and answers on as they came', async () => {
  await using project = await tempProject({
    'src/app.ts': `import { defineApp } from 'unmoor'
export default defineApp({
  async fetch(request) {
    const { pathname } = new URL(request.url)
    if (pathname === '/events') {
      const stream = new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode('data: 1\\n\\n')) })
      return new Response(stream, { headers: { 'content-type': 'text/event-stream' } })
    }
    if (pathname === '/fail') {
      const stream = new ReadableStream({
        start: (controller) => controller.enqueue(new Uint8Array(10)),
        pull: (controller) => new Promise((resolve) => setTimeout(() => { controller.error(new Error('cut')); resolve() }, 20)),
      })
      return new Response(stream)
    }
    const headers = new Headers({ 'x-latin': '\\u00e9' })
    headers.append('set-cookie', 'a=1')
    headers.append('set-cookie', 'b=2')
    headers.set('x-host', request.headers.get('host'))
    headers.set('x-sent', request.headers.get('x-sent') ?? 'none')
    return new Response(request.body, { status: 207, headers })
  },
})
`,
  })
  await using dev = await startDev(project.dir)
  const url = urlIn(await dev.line('Ctrl-C'))
  const { host, port } = new URL(url)
  const socket = connect(Number(port), '127.0.0.1').setEncoding('latin1')
  let answer = ''
  socket.on('data', (data) => (answer += data))
  socket.write(
    `PUT / HTTP/1.1\r\nHost: ${host}\r\nX-Sent: \u00e9\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
    'latin1',
  )
  await once(socket, 'close')
  expect(answer).toMatch(/^HTTP\/1.1 207 /)
  expect(answer.toLowerCase()).toContain('set-cookie: a=1\r\nset-cookie: b=2')
  expect(answer).toMatch(/x-latin: \u00e9\r\n/i)
  expect(answer).toMatch(/x-sent: \u00e9\r\n/i)
  expect(answer).toContain(host)
  expect(answer).toContain('3\r\nabc\r\n0\r\n\r\n')
  const large = 'x'.repeat(3_000_000)
  expect(await (await fetch(url, { method: 'POST', body: large })).text()).toBe(large)
  expect((await fetch(url, { method: 'HEAD' })).headers.get('x-host')).toBe(host)
  await expect((await fetch(`${url}/fail`)).arrayBuffer()).rejects.toThrow()
  // The first event comes at once; a reload ends the stream, so that the page connects again.
  const events = await fetch(`${url}/events`)
  const reader = (events.body as ReadableStream<Uint8Array>).getReader()
  expect(new TextDecoder().decode((await reader.read()).value)).toBe('data: 1\n\n')
  await project.write({ 'src/other.ts': 'export {}' })
  await expect(reader.read()).rejects.toThrow()
})

test('unmoor dev hands WebSockets on, and closes them with 1012 at a reload', async () => {
  const source = (reply: string): string => `import { defineApp, defineBindings, sockets } from 'unmoor'
const bindings = defineBindings({ live: sockets({ path: '/live' }) })
export default defineApp({
  bindings,
  fetch: (request, env) =>
    new URL(request.url).pathname === '/live' ? env.live.accept(request) : new Response('hello'),
  sockets: { live: { message: async (socket, message) => socket.send('${reply} ' + message) } },
})
`
  await using project = await tempProject({ 'src/app.ts': source('first') })
  await using dev = await startDev(project.dir)
  const url = urlIn(await dev.line('Ctrl-C'))
  const open = async (): Promise<WebSocket> => {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/live`)
    await once(socket, 'open')
    return socket
  }
  const echo = async (socket: WebSocket): Promise<string> => {
    socket.send('x')
    const [data] = (await once(socket, 'message')) as [Buffer]
    return data.toString()
  }
  const first = await open()
  expect(await echo(first)).toBe('first x')
  await project.write({ 'src/app.ts': source('second') })
  const [code] = (await once(first, 'close')) as [number]
  expect(code).toBe(1012)
  // It waits for the new app.
  const second = await open()
  expect(await echo(second)).toBe('second x')
  second.close()
  // What is no upgrade of the app's is answered, and the connection ended.
  const refused = new WebSocket(`${url.replace('http', 'ws')}/else`)
  const [, response] = (await once(refused, 'unexpected-response')) as [unknown, { statusCode: number }]
  expect(response.statusCode).toBe(200)
  refused.on('error', () => {}).terminate()
  // Clients that leave at any moment of their handshake end nothing.
  for (const milliseconds of [0, 1, 2, 5, 10]) {
    const leaving = new WebSocket(`${url.replace('http', 'ws')}/${milliseconds % 2 === 0 ? 'live' : 'else'}`)
    leaving.on('error', () => {})
    await sleep(milliseconds)
    leaving.terminate()
  }
  expect(await (await fetch(url)).text()).toBe('hello')
})
