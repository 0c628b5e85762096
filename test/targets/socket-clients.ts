/** WebSocket clients that others wrote, each as a function that holds one conversation. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { WebSocket as Ws } from 'ws'

/** What a client offers and says. The server echoes each text, and closes after the last one. */
export interface Conversation {
  readonly url: string
  readonly protocols: readonly string[]
  /** The answer to one text is awaited before the next text is sent. */
  readonly texts: readonly string[]
}

/** What a client was told. */
export interface Report {
  /** The subprotocol that the server chose. */
  readonly protocol: string
  readonly answers: readonly string[]
  readonly close: { readonly code: number; readonly reason: string }
}

export type Client = (conversation: Conversation) => Promise<Report>

/** The package `ws`. It offers compression, and waits for a pong first. */
export const ws: Client = async ({ url, protocols, texts }) => {
  const socket = new Ws(url, [...protocols], { perMessageDeflate: true })
  const closed = once(socket, 'close')
  await once(socket, 'open')
  const pong = once(socket, 'pong')
  socket.ping('are you there?')
  const [payload] = (await pong) as [Buffer]
  if (String(payload) !== 'are you there?') throw new Error(`The pong has ${String(payload)}.`)
  const answers: string[] = []
  for (const said of texts) {
    const answer = once(socket, 'message')
    socket.send(said)
    const [data] = (await Promise.race([answer, closed])) as [Buffer | number]
    if (typeof data === 'number') break
    answers.push(String(data))
  }
  const [code, reason] = (await closed) as [number, Buffer]
  return { protocol: socket.protocol, answers, close: { code, reason: String(reason) } }
}

/** The client of Node itself (undici). */
export const nodes: Client = async ({ url, protocols, texts }) => {
  const socket = new WebSocket(url, [...protocols])
  const next = (event: 'open' | 'message' | 'close'): Promise<Event> =>
    new Promise((resolve) => socket.addEventListener(event, resolve, { once: true }))
  const closed = next('close') as Promise<CloseEvent>
  const first = await Promise.race([next('open'), closed])
  if (first.type === 'close') throw new Error('The server refused the socket.')
  const answers: string[] = []
  for (const said of texts) {
    const answer = next('message')
    socket.send(said)
    const event = await Promise.race([answer, closed])
    if (event.type === 'close') break
    answers.push(String((event as MessageEvent).data))
  }
  const { code, reason } = await closed
  return { protocol: socket.protocol, answers, close: { code, reason } }
}

/** A program for the `websockets` package of Python: the conversation is its input, the report its output. */
const PYTHON = `
import asyncio, json, sys
import websockets

async def main():
    given = json.load(sys.stdin)
    async with websockets.connect(given['url'], subprotocols=given['protocols'], compression='deflate') as socket:
        await asyncio.wait_for(await socket.ping(), 60)
        answers = []
        try:
            for said in given['texts']:
                await socket.send(said)
                answers.append(await socket.recv())
        except websockets.ConnectionClosed:
            pass
        await socket.wait_closed()
        close = {'code': socket.close_code, 'reason': socket.close_reason}
        print(json.dumps({'protocol': socket.subprotocol or '', 'answers': answers, 'close': close}))

asyncio.run(main())
`

/** A Python that has the package `websockets`; undefined if there is none. */
export const pythonProgram = ['/usr/bin/python3', 'python3'].find((program) => {
  try {
    execFileSync(program, ['-c', 'import websockets'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
})

/** The package `websockets` of Python. It offers compression, and waits for a pong first. */
export const python: Client = async (conversation) => {
  const child = spawn(pythonProgram as string, ['-c', PYTHON])
  child.stdin.end(JSON.stringify(conversation))
  const [output, errors, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ])
  if (code !== 0) throw new Error(`Python ended with ${code}:\n${errors.slice(-2000)}`)
  return JSON.parse(output) as Report
}
