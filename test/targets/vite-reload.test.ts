/** The Vite plugin under load, with WebSockets, behind HTTPS and in another server. */
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { connect } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { createServer } from 'vite'
import { unmoor } from 'unmoor/vite'
import { expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { CertificateAuthority, hasOpenssl } from './certificates.ts'
import { appOf, startVite, viteProject } from './vite-lab.ts'

test('requests that come while the app is replaced are answered, none is refused', async () => {
  await using project = await viteProject()
  await using lab = await startVite(project.dir, { plugin: unmoor({ page: false }) })
  const answers: string[] = []
  const over = new AbortController()
  const clients = Array.from({ length: 6 }, async (_, index) => {
    while (!over.signal.aborted) {
      const init = index % 2 === 0 ? {} : { method: 'POST', body: 'x'.repeat(9) }
      const answer = await fetch(`${lab.url}/api`, init).then(
        async (response) => `${response.status} ${await response.text()}`,
        String,
      )
      answers.push(answer)
      await sleep(2)
    }
  })
  for (const name of ['one', 'two', 'three']) {
    await project.write({ 'src/app.ts': appOf(name) })
    await expect.poll(() => answers.at(-1)).toContain(`"text":"${name}"`)
  }
  over.abort()
  await Promise.all(clients)
  expect(
    answers.filter((answer) => !/^200 \{"text":"(?:first|one|two|three)".*"body":[09]\}$/.test(answer)),
  ).toEqual([])
  expect(answers.length).toBeGreaterThan(50)
})

const SOCKETS = `import { assets, defineApp, defineBindings, sockets } from 'unmoor'
const bindings = defineBindings({
  page: assets({ directory: './dist' }),
  live: sockets({ path: '/live' }),
})
export default defineApp({
  bindings,
  fetch: (request, env) =>
    new URL(request.url).pathname === '/live' ? env.live.accept(request) : new Response(request.url),
  sockets: { live: { message: async (socket, data) => { await socket.send('echo ' + data) } } },
})
`

test('WebSockets of the app pass beside those of Vite', async () => {
  await using project = await viteProject({ 'src/app.ts': SOCKETS })
  await using lab = await startVite(project.dir, { plugin: unmoor({ page: false }) })
  const socket = new WebSocket(`${lab.url.replace('http', 'ws')}/live`)
  await once(socket, 'open')
  socket.send('x')
  expect(String((await once(socket, 'message'))[0])).toBe('echo x')
  socket.close()
  // Without "single-page-application", a page load without a file is the app's.
  expect(await (await fetch(`${lab.url}/about`)).text()).toBe(`${lab.url}/about`)
})

test.skipIf(!hasOpenssl)('an app behind HTTPS and HTTP/2 of Vite sees the URL of the page', async () => {
  await using authority = await CertificateAuthority.create()
  const { key, cert } = await authority.issue('desk', ['IP:127.0.0.1'])
  await using project = await viteProject({ 'src/app.ts': SOCKETS })
  await using lab = await startVite(project.dir, {
    plugin: unmoor({ page: false }),
    config: { server: { https: { key, cert } } },
  })
  const session = connect(lab.url, { ca: await authority.ca() })
  try {
    const stream = session.request({ ':path': '/about?a=b', cookie: 'a=1' })
    expect(await text(stream)).toBe(`${lab.url}/about?a=b`)
    const posted = session.request({ ':path': '/about', ':method': 'POST' })
    posted.end('body')
    expect(await text(posted)).toBe(`${lab.url}/about`)
  } finally {
    session.destroy()
  }
})

test('in a server of somebody else, pages, app and WebSockets are served as well', async () => {
  await using project = await viteProject({ 'src/app.ts': SOCKETS })
  const own = createHttpServer()
  const vite = await createServer({
    root: project.dir,
    configFile: false,
    logLevel: 'silent',
    plugins: [unmoor({ page: false })],
    server: { middlewareMode: { server: own }, ws: false },
  })
  own.on('request', vite.middlewares).listen(0, '127.0.0.1')
  await once(own, 'listening')
  try {
    const url = `http://127.0.0.1:${(own.address() as AddressInfo).port}`
    expect(await (await fetch(`${url}/`)).text()).toContain('the page')
    expect(await (await fetch(`${url}/api`)).text()).toBe(`${url}/api`)
    await vite.restart()
    const socket = new WebSocket(`${url.replace('http', 'ws')}/live`)
    await once(socket, 'open')
    socket.send('y')
    expect(String((await once(socket, 'message'))[0])).toBe('echo y')
    socket.close()
  } finally {
    await vite.close()
    own.close()
  }
})
