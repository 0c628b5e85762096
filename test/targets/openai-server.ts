import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

/** One call, as the server saw it. */
export interface SeenCall {
  path: string
  headers: IncomingMessage['headers']
  body: { model: string; messages?: { role: string; content: string }[]; [member: string]: unknown }
}

/** A server of OpenAI's protocol on loopback; its models answer by rule. */
export interface OpenaiServer extends AsyncDisposable {
  /** Up to before `/chat/completions`. */
  readonly url: string
  readonly calls: SeenCall[]
  /** How many streams were cut off by their client. */
  readonly cutOff: () => number
}

/**
 * Models: `echo` says what the last message says, word by word; `tools` calls the first tool; `json` answers
 * with JSON; `slow` streams without an end; `dies` ends its stream half-way; `busy`, `secret` and `broken`
 * refuse; `embed` measures texts.
 */
export async function startOpenaiServer(): Promise<OpenaiServer> {
  const calls: SeenCall[] = []
  let cutOff = 0
  const answer = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const body = JSON.parse((await buffer(incoming)).toString()) as SeenCall['body']
    calls.push({ path: incoming.url ?? '', headers: incoming.headers, body })
    outgoing.once('close', () => {
      if (!outgoing.writableFinished) cutOff++
    })
    const refusal = REFUSALS[body.model]
    if (refusal !== undefined)
      return send(outgoing, refusal[0], { error: { message: refusal[1], type: 'x' } })
    if (incoming.url?.endsWith('/embeddings') === true) return send(outgoing, 200, embeddings(body))
    if (body['stream'] === true) return stream(outgoing, body)
    send(outgoing, 200, completion(body))
  }
  const server = createServer((incoming, outgoing) => void answer(incoming, outgoing))
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    calls,
    cutOff: () => cutOff,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const REFUSALS: Readonly<Record<string, readonly [number, string]>> = {
  busy: [429, 'Rate limit reached'],
  secret: [401, 'Incorrect API key provided'],
  broken: [500, 'The server had an error'],
  picky: [400, "Unknown parameter: 'top_k'."],
}
const USAGE = { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 }

function send(outgoing: ServerResponse, status: number, body: object): void {
  outgoing.writeHead(status, { 'content-type': 'application/json; charset=utf-8' })
  outgoing.end(JSON.stringify(body))
}

function embeddings({ model, input }: SeenCall['body']): object {
  const texts = Array.isArray(input) ? (input as string[]) : [input as string]
  const data = texts.map((text, index) => ({ object: 'embedding', index, embedding: [text.length, 0.5, -1] }))
  // The order is the index's, not the list's.
  return { object: 'list', model, data: data.toReversed(), usage: { prompt_tokens: 2, total_tokens: 2 } }
}

function textOf({ model, messages }: SeenCall['body']): string {
  return model === 'json' ? '{"city":"Oslo"}' : `You said: ${messages?.at(-1)?.content}`
}

function toolCalls({ tools }: SeenCall['body']): object[] {
  const [first] = tools as { function: { name: string } }[]
  return [
    {
      id: 'call_a',
      type: 'function',
      function: { name: first?.function.name, arguments: '{"city":"Oslo"}' },
    },
  ]
}

function completion(body: SeenCall['body']): object {
  const message =
    body.model === 'tools'
      ? { role: 'assistant', content: null, tool_calls: toolCalls(body) }
      : { role: 'assistant', content: textOf(body) }
  const finish_reason = body.model === 'tools' ? 'tool_calls' : 'stop'
  return {
    id: 'chat-1',
    object: 'chat.completion',
    choices: [{ index: 0, message, finish_reason }],
    usage: USAGE,
  }
}

function stream(outgoing: ServerResponse, body: SeenCall['body']): void {
  outgoing.writeHead(200, { 'content-type': 'text/event-stream' })
  const piece = (delta: object, finish_reason: string | null = null): void =>
    void outgoing.write(
      `data: ${JSON.stringify({ id: 'chat-1', object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason }] })}\r\n\r\n`,
    )
  piece({ role: 'assistant' })
  if (body.model === 'slow') return piece({ content: 'one' })
  if (body.model === 'dies') {
    piece({ content: 'one' })
    return void outgoing.end()
  }
  if (body.model === 'tools') {
    const [call] = toolCalls(body) as { id: string; function: { name: string } }[]
    piece({
      tool_calls: [{ index: 0, id: call?.id, function: { name: call?.function.name, arguments: '' } }],
    })
    for (const part of ['{"city"', ':"Oslo"}'])
      piece({ tool_calls: [{ index: 0, function: { arguments: part } }] })
  } else for (const word of textOf(body).split(/(?= )/)) piece({ content: word })
  piece({}, body.model === 'tools' ? 'tool_calls' : 'stop')
  // A comment, as servers send to keep a connection.
  outgoing.write(': ping\n\n')
  outgoing.write(`data: ${JSON.stringify({ id: 'chat-1', choices: [], usage: USAGE })}\n\n`)
  outgoing.end('data: [DONE]\n\n')
}
