import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isPublic } from '../../adapters/isolate/services/outbound/addresses.ts'
import { OutboundClient, type OutboundRequest } from '../../adapters/isolate/services/outbound/client.ts'
import type { Resolve } from '../../adapters/isolate/services/outbound/lookup.ts'
import {
  checkOutbound,
  OutboundPolicy,
  type OutboundRules,
} from '../../adapters/isolate/services/outbound/rules.ts'

describe('addresses', () => {
  it.each([
    '127.0.0.1',
    '127.8.8.8',
    '10.0.0.1',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '100.100.100.200',
    '0.0.0.0',
    '224.0.0.1',

    '255.255.255.255',
    '192.0.0.192',
    '198.18.0.1',
    '168.63.129.16',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:a9fe:a9fe',
    '::ffff:10.0.0.1',
    '64:ff9b::7f00:1',

    '64:ff9b::10.0.0.1',
    '64:ff9b:1::1',
    '::127.0.0.1',
    'fe80::1',
    'fe80::1%eth0',
    'fc00::1',
    'fd00:ec2::254',
    'ff02::1',
    '2001::1',
    '2001:db8::1',
    '2002:7f00:1::',
    '3fff::1',
    'name',
    '',
  ])('%s is not public', (address) => expect(isPublic(address)).toBe(false))

  it.each([
    '1.1.1.1',
    '8.8.8.8',
    '172.32.0.1',
    '100.128.0.1',
    '::ffff:8.8.8.8',
    '64:ff9b::808:808',
    '2606:4700:4700::1111',
    '2a00:1450::1',
  ])('%s is public', (address) => expect(isPublic(address)).toBe(true))
})

describe('rules', () => {
  const allowed = (rules: OutboundRules, host: string, address: string, port = 80): boolean => {
    try {
      const policy = new OutboundPolicy(rules)
      policy.checkName(host, port)
      policy.check(host, address, port)
      return true
    } catch {
      return false
    }
  }
  it('allow opens, deny closes, deny of all leaves what is allowed', () => {
    expect(allowed({}, 'h.example', '8.8.8.8')).toBe(true)
    expect(allowed({}, 'h.example', '10.0.0.1')).toBe(false)
    expect(allowed({ allow: ['10.0.0.0/8'] }, 'h.example', '10.0.0.1')).toBe(true)
    expect(allowed({ allow: ['10.0.0.0/8'] }, 'h.example', '::ffff:10.0.0.1')).toBe(true)
    expect(allowed({ allow: ['10.0.0.0/8:443'] }, 'h.example', '10.0.0.1')).toBe(false)
    expect(allowed({ allow: ['10.0.0.0/8:443'] }, 'h.example', '10.0.0.1', 443)).toBe(true)
    expect(allowed({ allow: ['[::1]:9000'] }, '::1', '::1', 9000)).toBe(true)
    expect(allowed({ allow: ['*.internal'] }, 'db.internal', '10.0.0.1')).toBe(true)
    expect(allowed({ allow: ['*.internal'] }, 'internal', '10.0.0.1')).toBe(false)
    expect(allowed({ allow: ['*.internal'], deny: ['db.internal'] }, 'db.internal', '10.0.0.1')).toBe(false)
    expect(allowed({ deny: ['8.8.8.0/24'] }, 'dns.example', '8.8.8.8')).toBe(false)
    expect(allowed({ deny: ['*'] }, 'h.example', '8.8.8.8')).toBe(false)
    expect(allowed({ deny: ['*'], allow: ['h.example'] }, 'h.example', '8.8.8.8')).toBe(true)
    expect(allowed({ deny: ['*'], allow: ['8.8.8.8'] }, 'h.example', '8.8.8.8')).toBe(true)
    expect(allowed({ deny: ['*:25'] }, 'h.example', '8.8.8.8')).toBe(true)
  })
  it('that are none are refused by name', () => {
    for (const rule of ['10.0.0.0/33', 'a b', 'http://h', 'h:0', 'h:70000', '', '::1/129', 'h/8', 'u@h'])
      expect(() => checkOutbound({ allow: [rule] }, 'outbound'), rule).toThrow(/is no rule/)
    expect(() => checkOutbound({ alow: [] }, 'apps.a.outbound')).toThrow(
      'apps.a.outbound.alow: there is no such field',
    )
    expect(() => checkOutbound({ deny: 'h' }, 'outbound')).toThrow('outbound.deny takes a list')
  })
})

describe('the client', () => {
  let here: string
  let server: Server
  let other: Server
  let otherUrl: string
  const seen: { method: string; url: string; headers: IncomingMessage['headers']; body: string }[] = []
  const listen = async (listener: RequestListener): Promise<[Server, string]> => {
    const created = createServer(listener)
    await new Promise<void>((resolve) => created.listen(0, '127.0.0.1', resolve))
    return [created, `http://127.0.0.1:${(created.address() as AddressInfo).port}`]
  }
  beforeAll(async () => {
    ;[other, otherUrl] = await listen(
      (incoming, outgoing) =>
        void text(incoming).then((body) =>
          outgoing.end(JSON.stringify({ method: incoming.method, headers: incoming.headers, body })),
        ),
    )
    ;[server, here] = await listen((incoming, outgoing) => {
      const { pathname, searchParams } = new URL(incoming.url ?? '/', 'http://h')
      if (pathname === '/redirect')
        return void outgoing
          .writeHead(Number(searchParams.get('status') ?? 302), { location: searchParams.get('to') ?? '' })
          .end()
      if (pathname === '/gzip')
        return void outgoing.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('unpacked'))
      if (pathname === '/br')
        return void outgoing
          .writeHead(200, { 'content-encoding': 'gzip, br' })
          .end(brotliCompressSync(gzipSync('twice')))
      if (pathname === '/never') return
      if (pathname === '/endless') {
        outgoing.once('close', () => clearInterval(timer))
        const timer = setInterval(() => outgoing.write('chunk'), 5)
        return
      }
      void text(incoming).then((body) => {
        seen.push({ method: incoming.method ?? '', url: incoming.url ?? '', headers: incoming.headers, body })
        outgoing
          .writeHead(200, [
            ['set-cookie', 'a=1'],
            ['set-cookie', 'b=2'],
            ['x-a', 'b'],
          ] as never)
          .end(incoming.method === 'HEAD' ? undefined : `got ${body}`)
      })
    })
  })
  afterAll(() => {
    for (const one of [server, other]) {
      one.close()
      one.closeAllConnections()
    }
  })

  const send = async (
    given: Partial<OutboundRequest>,
    rules: OutboundRules = { allow: ['127.0.0.1'] },
    more: { resolve?: Resolve; idleTimeout?: number } = {},
  ): Promise<Response> => {
    const client = new OutboundClient({ policy: new OutboundPolicy(rules), ...more })
    return client.fetch({ method: 'GET', url: here, headers: [], redirect: 'follow', body: null, ...given })
  }

  it('sends method, headers and body; the connection’s own headers are not the app’s', async () => {
    const response = await send({
      method: 'POST',
      url: `${here}/path?q=1#f`,
      headers: [
        ['x-mine', '1'],
        ['host', 'evil.example'],
        ['content-length', '1'],
        ['transfer-encoding', 'chunked'],
      ],
      body: 'héllo',
    })
    expect([response.status, response.url, response.redirected, await response.text()]).toEqual([
      200,
      `${here}/path?q=1`,
      false,
      'got héllo',
    ])
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
    expect(seen.at(-1)).toMatchObject({
      method: 'POST',
      url: '/path?q=1',
      headers: { 'x-mine': '1', host: here.slice(7), 'content-length': '6', 'user-agent': 'unmoor' },
      body: 'héllo',
    })
    expect(seen.at(-1)?.headers['transfer-encoding']).toBeUndefined()
  })

  it('streams bodies both ways, and unpacks', async () => {
    const body = new ReadableStream({
      async start(controller) {
        for (const part of ['a', 'b', 'c']) {
          controller.enqueue(new TextEncoder().encode(part))
          await sleep(5)
        }
        controller.close()
      },
    })
    expect(await (await send({ method: 'PUT', body })).text()).toBe('got abc')
    expect(await (await send({ url: `${here}/gzip` })).text()).toBe('unpacked')
    expect(await (await send({ url: `${here}/br` })).text()).toBe('twice')
    expect(await (await send({ method: 'HEAD' })).text()).toBe('')
    const response = await send({ url: `${here}/endless` })
    const reader = (response.body as ReadableStream<Uint8Array>).getReader()
    expect(new TextDecoder().decode((await reader.read()).value)).toMatch(/^chunk/)
    await reader.cancel()
  })

  it('ends by abort, before the answer and in it, and by silence', async () => {
    const early = new AbortController()
    const waiting = send({ url: `${here}/never`, signal: early.signal })
    await sleep(20)
    early.abort(new Error('mine'))
    await expect(waiting).rejects.toThrow('mine')
    const late = new AbortController()
    const response = await send({ url: `${here}/endless`, signal: late.signal })
    late.abort()
    await expect(response.text()).rejects.toThrow()
    await expect(send({ url: `${here}/never` }, undefined, { idleTimeout: 50 })).rejects.toThrow(
      'fetch failed',
    )
  })

  it('follows redirects as fetch does', async () => {
    const to = encodeURIComponent(`${otherUrl}/x`)
    const headers: [string, string][] = [
      ['authorization', 'secret'],
      ['cookie', 'c'],
      ['content-type', 'text/x'],
      ['x-kept', '1'],
    ]
    const post = { method: 'POST', body: 'body', headers }
    const answer = async (
      given: Partial<OutboundRequest>,
    ): Promise<{ method: string; headers: Record<string, string>; body: string }> => {
      const response = await send(given)
      expect([response.redirected, response.url]).toEqual([true, `${otherUrl}/x`])
      return (await response.json()) as never
    }
    const found = await answer({ ...post, url: `${here}/redirect?status=302&to=${to}` })
    expect(found).toMatchObject({ method: 'GET', body: '', headers: { 'x-kept': '1' } })
    for (const name of ['authorization', 'cookie', 'content-type', 'content-length'])
      expect(found.headers[name]).toBeUndefined()
    expect(await answer({ ...post, url: `${here}/redirect?status=307&to=${to}` })).toMatchObject({
      method: 'POST',
      body: 'body',
      headers: { 'content-type': 'text/x' },
    })
    const manual = await send({ url: `${here}/redirect?to=${to}`, redirect: 'manual' })
    expect([manual.status, manual.headers.get('location')]).toEqual([302, `${otherUrl}/x`])
    await expect(send({ url: `${here}/redirect?to=${to}`, redirect: 'error' })).rejects.toThrow(
      'is a redirect',
    )
    await expect(
      send({ url: `${here}/redirect?to=${encodeURIComponent('/redirect?to=x')}`, redirect: 'follow' }),
    ).resolves.toMatchObject({ status: 200 })
    await expect(send({ url: `${here}/redirect?to=file:///etc/passwd` })).rejects.toThrow(
      'leads to a file: URL',
    )
  })

  it('refuses loopback by address, by every spelling of it, by name and by redirect', async () => {
    const { port } = new URL(here)
    const resolve: Resolve = (_hostname, callback) => callback(null, [{ address: '127.0.0.1', family: 4 }])
    for (const url of [
      here,
      `http://2130706433:${port}/`,
      `http://0x7f.1:${port}/`,
      `http://[::ffff:127.0.0.1]:${port}/`,
      `http://[::1]:${port}/`,
      `http://localhost:${port}/`,
      `http://0/`,
    ])
      await expect(send({ url }, {}), url).rejects.toThrow(/^PermissionDenied: fetch\(\) may not reach/)
    await expect(send({ url: `http://innocent.example:${port}/` }, {}, { resolve })).rejects.toThrow(
      'may not reach innocent.example',
    )
    // The first hop is allowed, the second is not.
    await expect(
      send({ url: `${here}/redirect?to=${encodeURIComponent(otherUrl)}` }, { allow: [here.slice(7)] }),
    ).rejects.toThrow('may not reach 127.0.0.1')
    await expect(send({ url: 'http://h.example:25/' }, {})).rejects.toThrow('port 25')
  })

  it('connects to nothing but the address that was checked: rebinding the name changes nothing', async () => {
    const before = seen.length
    let asked = 0
    const { port } = new URL(here)
    // Public when it is checked, loopback for whoever asks again: with one look-up per connection nobody
    // does.
    const resolve: Resolve = (_hostname, callback) =>
      callback(null, [{ address: asked++ === 0 ? '192.0.2.1' : '127.0.0.1', family: 4 }])
    const client = new OutboundClient({
      policy: new OutboundPolicy({ allow: ['192.0.2.1'] }),
      resolve,
      connectTimeout: 100,
    })
    const request = {
      method: 'GET',
      url: `http://rebinding.example:${port}/`,
      headers: [],
      redirect: 'follow' as const,
      body: null,
    }
    await expect(client.fetch(request)).rejects.toThrow('fetch failed')
    expect(asked).toBe(1)
    await expect(client.fetch(request)).rejects.toThrow('may not reach rebinding.example')
    expect(seen).toHaveLength(before)
    // Refused addresses among several are left out.
    const both: Resolve = (_hostname, callback) =>
      callback(null, [
        { address: '10.0.0.1', family: 4 },
        { address: '127.0.0.1', family: 4 },
      ])
    expect(
      (await send({ url: `http://two.example:${port}/` }, { allow: ['127.0.0.1'] }, { resolve: both }))
        .status,
    ).toBe(200)
  })
})
