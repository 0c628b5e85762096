import { ok } from '../../assert.ts'
import { equal } from '../cases/tools.ts'
import { type ProjectCase, projectCases } from './project-case.ts'

const WORKER = `
import { connect } from 'cloudflare:sockets'
const text = (bytes) => new TextDecoder().decode(bytes)
const bytes = (value) => new TextEncoder().encode(value)
const failure = (work) => { try { return String(work()) } catch (error) { return error.name } }
const cases = {
  async echo(address) {
    const socket = connect(address)
    const { remoteAddress } = await socket.opened
    const writer = socket.writable.getWriter()
    await writer.write(bytes('hello'))
    const { value } = await socket.readable.getReader().read()
    await socket.close()
    await socket.closed
    return [text(value), remoteAddress === address, socket.secureTransport, socket.upgraded]
  },
  async object(address) {
    const [hostname, port] = address.split(':')
    const socket = connect({ hostname, port: Number(port) })
    const writer = socket.writable.getWriter()
    await writer.write(bytes('hello').buffer)
    const reader = socket.readable.getReader({ mode: 'byob' })
    const first = await reader.read(new Uint8Array(100))
    await writer.close()
    const last = await reader.read(new Uint8Array(100))
    await socket.closed
    return [text(first.value), first.done, last.done]
  },
  async pipe(address) {
    const socket = connect(address)
    const piped = new Response('x'.repeat(300_000)).body.pipeTo(socket.writable)
    const answer = await new Response(socket.readable).text()
    await piped
    return answer.length
  },
  async many(address) {
    return Promise.all([1, 2, 3, 4].map((n) => cases.echo(address).then(([value]) => value + n)))
  },
  async refused() {
    const socket = connect('127.0.0.1:1')
    const told = []
    for (const promise of [socket.opened, socket.closed])
      told.push(await promise.then(() => 'fine', (error) => error.message.split(':')[0]))
    return told
  },
  async wrong() {
    const addresses = ['x', 'x:y', 'x:99999', 'u@x:80', 'x:80/p', { hostname: 'x' }]
    return addresses.map((address) => failure(() => connect(address)))
  },
  async options(address) {
    const plain = connect(address)
    const told = [failure(() => connect(address, { secureTransport: 'x' })), failure(() => plain.startTls())]
    await plain.close()
    return told
  },
}
export default {
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url)
    return Response.json(await cases[pathname.slice(1)](searchParams.get('to')))
  },
}
`

export const SOCKETS: ProjectCase[] = projectCases(
  {
    wrangler: { name: 'sockets-fixture', main: 'src/index.js', compatibility_date: '2026-07-01' },
    files: { 'src/index.js': WORKER },
  },
  [
    [
      '70',
      'connect: bytes go both ways',
      async (site) => {
        const get = async (name: string): Promise<unknown> =>
          JSON.parse(await site.text(`/${name}?to=${site.echo}`))
        equal(await get('echo'), ['hello', true, 'off', false])
        equal(await get('object'), ['hello', false, true])
        equal(await get('pipe'), 300_000)
        equal(await get('many'), ['hello1', 'hello2', 'hello3', 'hello4'])
      },
    ],
    [
      '71',
      'connect: what fails, and what is no address',
      async (site) => {
        const message = 'proxy request failed, cannot connect to the specified address'
        equal(JSON.parse(await site.text('/refused')), [message, message])
        equal(
          JSON.parse(await site.text('/wrong')),
          Array.from({ length: 6 }, () => 'TypeError'),
        )
        equal(JSON.parse(await site.text(`/options?to=${site.echo}`)), ['TypeError', 'TypeError'])
        ok(site.failure === undefined, 'it runs on')
      },
    ],
  ],
)
