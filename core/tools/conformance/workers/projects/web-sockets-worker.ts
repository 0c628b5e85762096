/** Source of the Worker for the cases about WebSockets without Durable Objects. */
export const WORKER = `
import { WorkerEntrypoint } from 'cloudflare:workers'
const failure = (work) => {
  try { const value = work(); return value === undefined ? 'fine' : value }
  catch (error) { return error.name + ': ' + error.message }
}
const kind = (data) => (typeof data === 'string' ? data : data.constructor.name)
const pair = () => Object.values(new WebSocketPair())
const next = (socket, type) =>
  new Promise((resolve) => socket.addEventListener(type, resolve, { once: true }))
const closing = ({ code, reason, wasClean }) => [code, reason, wasClean]
const logs = new Map()
const probes = {
  async shape() {
    const made = new WebSocketPair()
    const [a, b] = made
    const names = ['CONNECTING', 'OPEN', 'CLOSING', 'CLOSED']
    return {
      send: failure(() => a.send('x')),
      close: failure(() => a.close()),
      states: [a.readyState, b.readyState, a.protocol, a.extensions, a.url, a.binaryType],
      constants: names.flatMap((name) => [WebSocket[name], b['READY_STATE_' + name]]),
      keys: Object.keys(made),
      iterable: typeof made[Symbol.iterator] === 'function',
      isTarget: a instanceof EventTarget && a instanceof WebSocket,
      tag: String(a),
      again: failure(() => { a.accept(); a.accept() }),
    }
  },
  async codes() {
    const all = { none: [], c1000: [1000], c1001: [1001], c2999: [2999], c4999: [4999], c999: [999],
      c1004: [1004], c1005: [1005], c1006: [1006], c1015: [1015], c5000: [5000], text: ['x'],
      reasonOnly: [undefined, 'x'], r123: [1000, 'x'.repeat(123)], r124: [1000, 'x'.repeat(124)] }
    const told = {}
    for (const [name, args] of Object.entries(all)) {
      const [a, b] = pair()
      a.accept()
      b.accept()
      const closed = next(b, 'close')
      const failed = failure(() => a.close(...args))
      if (failed !== 'fine') { told[name] = failed; a.close(); await closed; continue }
      const { code, reason } = await closed
      told[name] = [code, reason.length]
    }
    return told
  },
  async response() {
    const [socket] = pair()
    const response = new Response(null, { status: 101, webSocket: socket, headers: { a: 'b' } })
    const copy = new Response(response.body, response)
    const made = (init, body = null) => failure(() => new Response(body, init))
    return {
      made: [response.status, response.webSocket === socket, response.ok, response.body],
      copy: [copy.status, copy.webSocket === socket, copy.headers.get('a')],
      plain: new Response('x').webSocket,
      none: new Response(null, { webSocket: null }).webSocket,
      status: made({ status: 200, webSocket: socket }),
      body: made({ status: 101, webSocket: socket }, 'x'),
      type: made({ status: 101, webSocket: {} }),
      clone: failure(() => response.clone()),
    }
  },
  async talk() {
    const [a, b] = pair()
    const log = []
    b.onmessage = ({ data }) => log.push(['property', kind(data)])
    b.addEventListener('message', ({ data }) => log.push(['listener', kind(data)]))
    b.addEventListener('message', { handleEvent: ({ data }) => log.push(['object', kind(data)]) })
    b.addEventListener('message', ({ data }) => log.push(['once', kind(data)]), { once: true })
    b.addEventListener('close', (event) => log.push(['close', ...closing(event), b.readyState]))
    const closed = next(b, 'close')
    a.accept()
    a.send('one')
    b.accept()
    let heard = next(b, 'message')
    await heard
    heard = next(b, 'message')
    a.send(new Uint8Array([1, 2]))
    await heard
    b.binaryType = 'arraybuffer'
    a.send(new Uint8Array([1, 2]).buffer)
    a.close(4001, 'bye')
    await closed
    return log
  },
  async ending() {
    const [a, b] = pair()
    a.accept()
    b.accept()
    const heard = next(a, 'message')
    const closed = next(a, 'close')
    a.close(4001, 'bye')
    b.send('late')
    const log = [a.readyState, failure(() => a.send('x')), (await heard).data]
    log.push(closing(await closed), a.readyState, failure(() => b.send('x')), failure(() => b.close(4002)))
    return log
  },
  async fetch(to) {
    const upgrade = { headers: { Upgrade: 'websocket' } }
    const response = await fetch(to + '/ws?id=513', upgrade)
    const socket = response.webSocket
    const log = [[response.status, socket.readyState, response.headers.get('x-own'), socket.protocol]]
    socket.accept()
    const heard = next(socket, 'message')
    socket.send('hi')
    log.push((await heard).data)
    const closed = next(socket, 'close')
    socket.send('!close')
    log.push(closing(await closed))
    const refused = await fetch(to + '/', upgrade)
    log.push([refused.status, refused.webSocket, await refused.text()])
    log.push(await fetch('http://127.0.0.1:1/', upgrade).then(() => 'fine', (error) => error.message))
    return log
  },
  async client(to) {
    const url = to.replace('http', 'ws')
    const socket = new WebSocket(url + '/ws?id=514&protocol=chat', ['chat'])
    const log = [[socket.readyState, socket.protocol]]
    log.push(failure(() => socket.send('x')), failure(() => socket.accept()))
    const opened = await next(socket, 'open')
    log.push([opened.type, socket.readyState, socket.protocol])
    const heard = next(socket, 'message')
    socket.send('hi')
    log.push((await heard).data)
    const closed = next(socket, 'close')
    socket.send('!close')
    log.push(closing(await closed))
    const refused = new WebSocket(url + '/')
    const failed = next(refused, 'error')
    const { code, reason } = await next(refused, 'close')
    log.push([(await failed).message, code, reason, refused.readyState])
    for (const args of [['x'], ['ftp://x/'], [url, 'a b']]) log.push(failure(() => new WebSocket(...args)))
    return log
  },
}
export class Inner extends WorkerEntrypoint {
  fetch() {
    const [client, server] = pair()
    server.accept()
    server.onmessage = ({ data }) => server.send('inner: ' + data)
    return new Response(null, { status: 101, webSocket: client })
  }
}
function answer(search) {
  const [client, server] = pair()
  const log = []
  logs.set(search.get('id'), log)
  if (search.has('half')) server.accept({ allowHalfOpen: true })
  else server.accept()
  for (let count = 0; count < Number(search.get('greet')); count++) server.send('greeting ' + count)
  if (search.has('leave')) server.close(4010, 'full')
  server.addEventListener('message', ({ data }) => {
    if (data !== '' && !String(data).startsWith('h')) log.push(['message', kind(data)])
    if (data === '!throw') throw new Error('thrown')
    if (data === '!close') server.close(4009, 'ok')
    else server.send(data instanceof Blob ? '' : data)
  })
  server.binaryType = search.get('id') === '517' ? server.binaryType : 'arraybuffer'
  server.addEventListener('close', (event) => {
    log.push(['close', ...closing(event), server.readyState])
    if (search.has('reply')) server.close(4010, 'mine')
  })
  server.addEventListener('error', ({ message }) => log.push(['error', message]))
  const headers = new Headers({ 'set-cookie': 'a=b', 'x-own': 'yes' })
  if (search.has('protocol')) headers.set('sec-websocket-protocol', search.get('protocol'))
  return new Response(null, { status: 101, webSocket: client, headers })
}
export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url)
    const [, first, second] = pathname.split('/')
    if (first === 'ws') return answer(searchParams)
    if (first === 'log') return Response.json(logs.get(searchParams.get('id')) ?? [])
    if (first === 'inner') return env.INNER.fetch(request)
    if (first === 'proxy') return fetch(searchParams.get('to') + '/ws?id=p', request)
    if (first === 'probe') return Response.json(await probes[second](searchParams.get('to')))
    return new Response('here')
  },
}
`
