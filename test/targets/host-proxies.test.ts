import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { Agent, request } from 'node:https'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from 'node:tls'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CertificateAuthority, hasOpenssl } from './certificates.ts'
import { BODIES, LISTS, PATCHES, refusedRequests } from './framing-cases.ts'
import { buildLab, type HostLab, labApp, startHostLab } from './host-lab.ts'
import { checkout } from '../unit/temp-project.ts'

const run = promisify(execFile)
const works = (command: string): Promise<boolean> =>
  run(command, ['-v']).then(
    () => true,
    () => false,
  )
const PROXIES = ['nginx', 'haproxy'] as const
const isThere = new Map<string, boolean>()
for (const proxy of PROXIES) {
  isThere.set(proxy, hasOpenssl && (await works(proxy)))
  if (isThere.get(proxy) !== true)
    console.log(`Skipped: a host behind ${proxy}. Install ${proxy} and openssl.`)
}

/** Ports are the proxies' own to listen on. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}

describe.each(PROXIES.filter((proxy) => isThere.get(proxy) === true))('a host behind %s', (proxy) => {
  let artifact: string
  let authority: CertificateAuthority
  let ca: string
  let lab: HostLab
  let port: number
  let child: ChildProcess | undefined
  let agent: Agent
  beforeAll(async () => {
    artifact = await buildLab(labApp(''))
    authority = await CertificateAuthority.create()
    ca = await authority.ca()
    const { cert, key } = await authority.issue('apps', ['DNS:*.apps.example'])
    lab = await startHostLab({
      processes: 1,
      trustProxy: ['127.0.0.1'],
      apps: { attacker: { dir: artifact }, victim: { dir: artifact } },
    })
    port = await freePort()
    agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const name = proxy === 'nginx' ? 'nginx.conf' : 'haproxy.cfg'
    const tls = join(authority.dir, 'tls')
    await mkdir(tls)
    await copyFile(cert, join(tls, 'apps.pem'))
    await copyFile(key, join(tls, 'apps.key'))
    // haproxy wants both in one file.
    if (proxy === 'haproxy') {
      await writeFile(join(tls, 'apps.pem'), (await readFile(cert, 'utf8')) + (await readFile(key, 'utf8')))
      await rm(join(tls, 'apps.key'))
    }
    const config = (await readFile(join(checkout, 'examples/host', name), 'utf8'))
      .replaceAll('127.0.0.1:8787', `127.0.0.1:${new URL(lab.host.url).port}`)
      .replace(
        proxy === 'nginx' ? 'listen 443' : 'bind :443',
        `${proxy === 'nginx' ? 'listen' : 'bind'} 127.0.0.1:${port}`,
      )
      .replaceAll('/etc/unmoor/tls', tls)
    const file = join(authority.dir, name)
    await writeFile(file, config)
    const more = `daemon off; error_log stderr; pid ${join(authority.dir, 'nginx.pid')};`
    const args = proxy === 'nginx' ? ['-c', file, '-g', more] : ['-f', file]
    child = spawn(proxy, args, { stdio: 'inherit' })
    while ((await victim('first').catch(() => '')) !== 'hello /first') {
      if (child.exitCode !== null) throw new Error(`${proxy} has ended`)
      await sleep(20)
    }
  })
  afterAll(async () => {
    agent?.destroy()
    if (child !== undefined && child.exitCode === null) {
      child.kill('SIGTERM')
      await once(child, 'exit')
    }
    await lab?.[Symbol.asyncDispose]()
    await authority?.[Symbol.asyncDispose]()
    await rm(artifact, { recursive: true, force: true })
  })

  /** A request over TLS to the proxy. */
  function send(app: string, path: string, body = '', headers: object = {}): Promise<string> {
    return new Promise((resolve, reject) => {
      const host = `${app}.apps.example`
      const method = body === '' ? 'GET' : 'POST'
      const options = { port, host: '127.0.0.1', agent, ca, servername: host, path, method }
      request(
        { ...options, headers: { host, ...headers } },
        (answer) => void text(answer).then(resolve, reject),
      )
        .once('error', reject)
        .end(body)
    })
  }
  const victim = (path: string): Promise<string> => send('victim', `/${path}`)

  /** Visitors of the neighbour, over the proxy's connections to the host, get its answers and no others. */
  async function expectVictim(): Promise<void> {
    for (let visit = 0; visit < 3; visit++)
      expect(await victim(`visit-${visit}`)).toBe(`hello /visit-${visit}`)
  }

  it('knows the URL and the client, whatever the client says of itself', async () => {
    const forged = {
      'x-forwarded-for': '9.9.9.9',
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'http',
    }
    const seen = await send('victim', '/a?b', 'return [request.url, ctx.client.remote.address]', forged)
    expect(JSON.parse(seen)).toEqual({ value: ['https://victim.apps.example/a?b', '127.0.0.1'] })
  })

  for (const [name, headers] of LISTS)
    for (const [kind, body] of Object.entries(BODIES))
      it(`gives a neighbour’s visitor its own answer after one with ${name}, ${kind}`, async () => {
        const code = `${PATCHES}; return new Response(${body}, { headers: ${JSON.stringify(headers)} })`
        await send('attacker', '/', code).catch(() => '')
        await expectVictim()
      })

  it.each(refusedRequests('Host: attacker.apps.example'))(
    'gives a neighbour’s visitor its own answer after a request with %s',
    async (_name, _status, sent) => {
      const socket = connect({ port, host: '127.0.0.1', ca, servername: 'attacker.apps.example' })
      // The second one says that it is the last.
      const second = 'GET /second HTTP/1.1\r\nHost: attacker.apps.example\r\nConnection: close\r\n\r\n'
      socket.write(`${sent}${second}`, 'latin1')
      await text(socket).catch(() => '')
      await expectVictim()
    },
  )
})
