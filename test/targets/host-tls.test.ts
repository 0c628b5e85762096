import { execFile } from 'node:child_process'
import { chmod, readFile, rm, writeFile } from 'node:fs/promises'
import { Agent, request } from 'node:https'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type PeerCertificate, type TLSSocket } from 'node:tls'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CertificateAuthority, hasOpenssl, type Issued } from './certificates.ts'
import { parse, refusedRequests } from './framing-cases.ts'
import { buildLab, type HostLab, labApp, startHostLab } from './host-lab.ts'
import { buildCounter, type Hit } from './worker-lab.ts'
import { DeployClient } from '../../adapters/isolate/host/admin/client.ts'

if (!hasOpenssl) console.log('Skipped: TLS of a host. Install openssl, which makes the certificates.')

const SEEN = `return [request.url, ctx.client.remote.address, ctx.client.remote.port > 0]`
let artifact: string
let caller: string
let authority: CertificateAuthority
let ca: string
let shop: Issued
let wild: Issued
beforeAll(async () => {
  if (!hasOpenssl) return
  artifact = await buildLab(labApp(''))
  caller = await buildLab(labApp(`other: unmoor.service({ app: 'alone' })`))
  authority = await CertificateAuthority.create()
  ca = await authority.ca()
  shop = await authority.issue('shop', ['DNS:shop.example', 'DNS:Exact.wild.example'])
  wild = await authority.issue('wild', ['DNS:*.wild.example'], { rsa: true })
})
afterAll(async () => {
  await authority?.[Symbol.asyncDispose]()
  await Promise.all(
    [artifact, caller].filter(Boolean).map((dir) => rm(dir, { recursive: true, force: true })),
  )
})

const portOf = (lab: HostLab): number => Number(new URL(lab.host.url).port)

/** Connects as a client that asks for `name`; without one it names none. */
function handshake(
  port: number,
  name: string | undefined,
  more: object = {},
): Promise<{ socket: TLSSocket; peer: PeerCertificate } | string> {
  return new Promise((resolve) => {
    const named = name === undefined ? { checkServerIdentity: () => undefined } : { servername: name }
    const socket = connect({ port, host: '127.0.0.1', ca, ...named, ...more })
    socket.once('secureConnect', () => resolve({ socket, peer: socket.getPeerCertificate() }))
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
  })
}

async function commonName(port: number, name: string | undefined, more: object = {}): Promise<string> {
  const made = await handshake(port, name, more)
  if (typeof made === 'string') return made
  made.socket.destroy()
  return String(made.peer.subject.CN)
}

/** A request on a connection of its own, or of `agent`. */
function send(
  port: number,
  host: string,
  { body = '', agent = false, name = host }: { body?: string; agent?: Agent | false; name?: string } = {},
): Promise<{ status: number; text: string; reused: boolean }> {
  return new Promise((resolve, reject) => {
    const method = body === '' ? 'GET' : 'POST'
    const sent = request(
      { port, host: '127.0.0.1', method, agent, ca, servername: name, headers: { host } },
      (answer) =>
        void text(answer).then(
          (content) =>
            resolve({ status: answer.statusCode as number, text: content, reused: sent.reusedSocket }),
          reject,
        ),
    )
    sent.once('error', reject).end(body)
  })
}

describe.runIf(hasOpenssl)('the port of a host with certificates', () => {
  let lab: HostLab
  beforeAll(async () => {
    lab = await startHostLab({
      processes: 2,
      limits: { cpuMs: 500 },
      tls: { certificates: [shop, wild] },
      apps: {
        shop: { dir: artifact, hosts: ['shop.example', 'other.example'] },
        wild: { dir: artifact, hosts: ['*.wild.example'] },
        alone: { dir: artifact, hosts: ['alone.wild.example'] },
        caller: { dir: caller, hosts: ['caller.wild.example'], services: ['alone'] },
      },
    })
    const port = portOf(lab)
    for (let hit = 0; hit < 8; hit++) await send(port, 'alone.wild.example', { body: 'for (;;);' })
    while (lab.host.pids.length < 3) await sleep(10)
    while ((await send(port, 'alone.wild.example')).status !== 200) await sleep(10)
  })
  afterAll(() => lab?.[Symbol.asyncDispose]())

  it('shows the certificate of the name that is asked for, an exact one before a wildcard', async () => {
    const port = portOf(lab)
    expect(lab.host.url).toBe(`https://127.0.0.1:${port}`)
    expect(await commonName(port, 'shop.example')).toBe('shop')
    expect(await commonName(port, 'SHOP.example')).toBe('shop')
    expect(await commonName(port, 'a.wild.example')).toBe('wild')
    expect(await commonName(port, 'exact.wild.example')).toBe('shop')
  })

  it('ends the handshake of a client that asks for another name, for none, or for HTTP/2 alone', async () => {
    const port = portOf(lab)
    for (const name of ['nobody.example', 'a.b.wild.example', 'wild.example', undefined])
      for (const maxVersion of ['TLSv1.2', 'TLSv1.3'])
        expect(await commonName(port, name, { maxVersion })).toMatch(/HANDSHAKE_FAILURE/)
    expect(await commonName(port, 'shop.example', { ALPNProtocols: ['h2'] })).toMatch(
      /NO_APPLICATION_PROTOCOL/,
    )
    const both = await handshake(port, 'shop.example', { ALPNProtocols: ['h2', 'http/1.1'] })
    if (typeof both === 'string') throw new Error(both)
    expect(both.socket.alpnProtocol).toBe('http/1.1')
    both.socket.destroy()
  })

  it('says at the start which names of apps have no certificate', () => {
    expect(lab.lines.filter((line) => line.includes('no certificate is for'))).toEqual([
      'WARNING: TLS: no certificate is for other.example, of the app "shop": clients cannot connect. ' +
        'Add one to tls.certificates.',
    ])
  })

  it('tells apps that the URL is https, and who the client is, in a process of their own too', async () => {
    for (const host of ['shop.example', 'a.wild.example', 'alone.wild.example'])
      expect(JSON.parse((await send(portOf(lab), host, { body: SEEN })).text)).toEqual({
        value: [`https://${host}/`, '127.0.0.1', true],
      })
    const call = (url: string): string =>
      `return (await (await env.other.fetch('${url}', { method: 'POST', body: 'return request.url' })).json()).value`
    for (const url of ['https://x.example/a', 'http://x.example/b'])
      expect(JSON.parse((await send(portOf(lab), 'caller.wild.example', { body: call(url) })).text)).toEqual({
        value: url,
      })
  })

  it('keeps a connection for the requests that follow, also those for another app', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const named = { agent, name: 'a.wild.example' }
    const first = await send(portOf(lab), 'a.wild.example', named)
    const more: { status: number; text: string; reused: boolean }[] = []
    for (const host of ['a.wild.example', 'alone.wild.example', 'shop.example'])
      more.push(await send(portOf(lab), host, named))
    agent.destroy()
    expect([first, ...more].map(({ status, reused }) => [status, reused])).toEqual([
      [200, false],
      [200, true],
      [200, true],
      [200, true],
    ])
  })

  it('takes a session that another of its processes has begun', async () => {
    const port = portOf(lab)
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const made = await handshake(port, 'shop.example', { maxVersion })
      if (typeof made === 'string') throw new Error(made)
      const { socket } = made
      const session = new Promise<Buffer>((resolve) => socket.once('session', resolve))
      const known = maxVersion === 'TLSv1.2' ? socket.getSession() : undefined
      socket.write('GET / HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n')
      await text(socket)
      const ticket = known ?? (await session)
      // Each connection may come to either process.
      for (let again = 0; again < 12; again++) {
        const next = await handshake(port, 'shop.example', { maxVersion, session: ticket })
        if (typeof next === 'string') throw new Error(next)
        expect(next.socket.isSessionReused()).toBe(true)
        next.socket.destroy()
      }
    }
  })

  it('answers a client that has closed its side', async () => {
    const made = await handshake(portOf(lab), 'shop.example', { allowHalfOpen: true })
    if (typeof made === 'string') throw new Error(made)
    const body = `await new Promise((resolve) => setTimeout(resolve, 50)); return 'late'`
    made.socket.end(
      `POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
    )
    expect(parse(await text(made.socket))).toMatchObject({ status: 200, body: '{"value":"late"}' })
  })

  it.each(refusedRequests('Host: shop.example'))('refuses a request with %s', async (_name, status, sent) => {
    const made = await handshake(portOf(lab), 'shop.example')
    if (typeof made === 'string') throw new Error(made)
    made.socket.write(`${sent}GET /second HTTP/1.1\r\nHost: shop.example\r\n\r\n`, 'latin1')
    const answer = await text(made.socket)
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(answer).not.toContain('/second')
  })

  it('is understood by curl', async () => {
    const { stdout } = await promisify(execFile)('curl', [
      '--silent',
      '--show-error',
      '--cacert',
      authority.caFile,
      '--data',
      SEEN,
      '--resolve',
      `shop.example:${portOf(lab)}:127.0.0.1`,
      `https://shop.example:${portOf(lab)}/a?b`,
    ])
    expect(JSON.parse(stdout)).toEqual({
      value: [`https://shop.example:${portOf(lab)}/a?b`, '127.0.0.1', true],
    })
  })
})

describe.runIf(hasOpenssl)('certificates', () => {
  it('are read anew when their files change, and what cannot be used changes nothing and is said', async () => {
    const used = await authority.issue('used', ['DNS:shop.example'])
    const next = await authority.issue('next', ['DNS:shop.example'])
    const last = await authority.issue('last', ['DNS:more.example', 'DNS:shop.example'])
    const steady = await authority.issue('steady', ['DNS:steady.example'])
    await using lab = await startHostLab({
      processes: 2,
      tls: { certificates: [used, steady] },
      apps: { shop: { dir: artifact, hosts: ['shop.example'] } },
    })
    const port = portOf(lab)
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    expect((await send(port, 'shop.example', { agent })).status).toBe(200)
    expect(await commonName(port, 'shop.example')).toBe('used')

    await authority.replace(used, next)
    await expect.poll(() => lab.lines.join('\n')).toContain('used.pem (shop.example) was read anew')
    const names = await Promise.all(Array.from({ length: 12 }, () => commonName(port, 'shop.example')))
    expect(new Set(names)).toEqual(new Set(['next']))
    // Open connections stay.
    expect(await send(port, 'shop.example', { agent })).toMatchObject({ status: 200, reused: true })
    agent.destroy()

    // A key that belongs to another certificate: half of a renewal that broke.
    await writeFile(used.key, await readFile(last.key))
    await expect.poll(() => lab.lines.join('\n')).toContain('WARNING: TLS: new files cannot be used')
    expect(lab.lines.join('\n')).toContain(
      `The key ${used.key} does not belong to the certificate ${used.cert}`,
    )
    expect(await commonName(port, 'shop.example')).toBe('next')
    expect(await commonName(port, 'steady.example')).toBe('steady')
    await rm(used.cert)
    await expect.poll(() => lab.lines.join('\n')).toContain('The certificate cannot be read: ENOENT')
    expect(await commonName(port, 'shop.example')).toBe('next')

    // Asked for, it need not be waited for.
    await authority.replace(used, last)
    await lab.host.reload()
    await expect.poll(() => commonName(port, 'more.example')).toBe('last')
    expect(await commonName(port, 'shop.example')).toBe('last')
  })

  it('that cannot be used keep a host from starting, with the reason', async () => {
    const other = await authority.issue('other', ['DNS:other.example'])
    const start = (tls: object): Promise<HostLab> =>
      startHostLab({ tls: tls as never, apps: { shop: { dir: artifact } } })
    const one = (pair: object): object => ({ certificates: [shop, pair] })
    await expect(start(one({ cert: other.cert, key: shop.key }))).rejects.toThrow(
      `The key ${shop.key} does not belong to the certificate ${other.cert}`,
    )
    await expect(start(one({ cert: '/no/such.pem', key: shop.key }))).rejects.toThrow(
      /The certificate cannot be read: ENOENT.*\/no\/such\.pem/,
    )
    await expect(start(one({ cert: shop.key, key: shop.key }))).rejects.toThrow(
      `The certificate ${shop.key} is no certificate in PEM`,
    )
    const locked = join(authority.dir, 'locked.key')
    await promisify(execFile)('openssl', [
      'pkey',
      '-in',
      other.key,
      '-aes256',
      '-passout',
      'pass:secret',
      '-out',
      locked,
    ])
    await expect(start(one({ cert: other.cert, key: locked }))).rejects.toThrow(
      `The key ${locked} is encrypted. Store it without a passphrase`,
    )
    await expect(start({})).rejects.toThrow('tls.certificates takes a list with at least one')
    await expect(start({ certificates: [{ crt: 'a' }] })).rejects.toThrow(
      'tls.certificates[0].crt: there is no such field',
    )
    await expect(start({ certificates: [shop], unknownNames: 'any' })).rejects.toThrow(
      'tls.unknownNames takes "refuse" or "first"',
    )
  })

  it('that are of no use to clients are a warning, and first is for unknown names where the config says so', async () => {
    const expired = await authority.issue('expired', ['DNS:expired.example'], { days: -1 })
    const nameless = await authority.issue('nameless', ['IP:127.0.0.1'])
    const older = await authority.issue('older', ['DNS:shop.example'], { days: 5 })
    await using lab = await startHostLab({
      processes: 1,
      tls: { certificates: [nameless, expired, older, shop], unknownNames: 'first' },
      apps: { shop: { dir: artifact, hosts: ['shop.example'] } },
    })
    expect(lab.lines.join('\n')).toMatch(
      /WARNING: TLS: The certificate \S+expired.pem \(expired.example\) expired on/,
    )
    expect(lab.lines.join('\n')).toMatch(/nameless.pem \(no host names\) names no host in its subjectAltName/)
    expect(await commonName(portOf(lab), 'nobody.example', { checkServerIdentity: () => undefined })).toBe(
      'nameless',
    )
    expect(await commonName(portOf(lab), undefined)).toBe('nameless')
    // With two certificates, the one that expires last is shown.
    expect(await commonName(portOf(lab), 'shop.example')).toBe('shop')
  })

  it('of the admin port are read anew too', async () => {
    const admin = await authority.issue('admin', ['IP:127.0.0.1'])
    const next = await authority.issue('admin-next', ['IP:127.0.0.1'])
    await using lab = await startHostLab({
      processes: 1,
      admin: { port: 0, tls: admin },
      apps: { shop: { dir: artifact } },
    })
    const port = Number(new URL(lab.host.adminUrl as string).port)
    expect(lab.host.adminUrl).toBe(`https://127.0.0.1:${port}`)
    expect(await commonName(port, undefined)).toBe('admin')
    await authority.replace(admin, next)
    await lab.host.reload()
    expect(await commonName(port, undefined)).toBe('admin-next')
  })
})

describe.runIf(hasOpenssl)('hosts of one store', () => {
  it('pass requests for objects on to their owner over TLS, known by the key of the store', async () => {
    process.env['UNMOOR_HOST_KEY'] = 'key of the fleet'
    const counter = await buildCounter()
    const all = await authority.issue('all', ['DNS:*.apps.example'])
    const common = { processes: 1, pollMs: 100, admin: { port: 0, token: 't' }, tls: { certificates: [all] } }
    try {
      await using owner = await startHostLab(common)
      const data = join(owner.dir, 'data/store')
      const store = {
        sql: { driver: 'sqlite', path: join(data, 'deploys.sqlite') },
        blob: { driver: 'fs', path: join(data, 'files') },
      }
      await using other = await startHostLab({ ...common, store })
      await new DeployClient({ url: owner.host.adminUrl as string, token: 't' }).deploy('counter', counter)
      const hit = async (lab: HostLab): Promise<Hit | string> => {
        const { status, text: content } = await send(portOf(lab), 'counter.apps.example')
        return status === 200 ? (JSON.parse(content) as Hit) : content
      }
      await expect.poll(() => hit(other)).toMatchObject({ stored: 1 })
      for (let stored = 2; stored < 10; stored++)
        expect(await hit(stored % 2 === 0 ? owner : other)).toMatchObject({ stored })
      // Who has not the key gets no further than anybody who names no host.
      const psk = { identity: 'unmoor-host', psk: Buffer.alloc(32) }
      const stranger = {
        ciphers: 'ECDHE-PSK-CHACHA20-POLY1305',
        maxVersion: 'TLSv1.2',
        pskCallback: () => psk,
      }
      expect(typeof (await handshake(portOf(owner), undefined, stranger))).toBe('string')
    } finally {
      delete process.env['UNMOOR_HOST_KEY']
      await rm(counter, { recursive: true, force: true })
    }
  })
})

describe.runIf(hasOpenssl)('a host that takes over from another', () => {
  it('loses no request on a kept connection of TLS', async () => {
    const config = {
      processes: 1,
      sharePort: true,
      tls: { certificates: [shop] },
      apps: { shop: { dir: artifact, hosts: ['shop.example'] } },
    }
    const first = await startHostLab(config)
    const port = portOf(first)
    await using second = await startHostLab({ ...config, port })
    const stopped = new AbortController()
    const seen = new Set<number | string>()
    const agent = new Agent({ keepAlive: true })
    const clients = Array.from({ length: 4 }, async () => {
      while (!stopped.signal.aborted)
        seen.add(
          await send(port, 'shop.example', { agent }).then(
            ({ status }) => status,
            (error: Error) => error.message,
          ),
        )
    })
    await expect.poll(() => seen.size).toBe(1)
    await first[Symbol.asyncDispose]()
    for (let last = 0; last < 20; last++) seen.add((await send(port, 'shop.example')).status)
    stopped.abort()
    await Promise.all(clients)
    agent.destroy()
    expect(seen).toEqual(new Set([200]))
    expect(second.host.url).toBe(`https://127.0.0.1:${port}`)
  })
})

const isRoot = process.getuid?.() === 0 && process.platform === 'linux'
describe.runIf(hasOpenssl && isRoot)('child processes under another user', () => {
  it('need not read the keys: the host alone does', async () => {
    await Promise.all([artifact, authority.dir].map((dir) => chmod(dir, 0o755)))
    await chmod(shop.key, 0o600)
    await using lab = await startHostLab({
      processes: 1,
      guard: { user: 'nobody', permission: true, wrapper: ['setpriv', '--no-new-privs'] },
      tls: { certificates: [shop] },
      apps: { shop: { dir: artifact, hosts: ['shop.example'] } },
    })
    expect(await readFile(`/proc/${lab.host.pids[0]}/status`, 'utf8')).toMatch(/^Uid:\s+65534/m)
    expect((await send(portOf(lab), 'shop.example')).status).toBe(200)
  })
})
