import { join } from 'node:path'
import { expect, test } from 'vitest'
import { buildApp } from '../../core/tools/build/build.ts'
import { PATIENCE } from '../patience.ts'
import { tempProject } from '../unit/temp-project.ts'
import { type OpenaiServer, type SeenCall, startOpenaiServer } from './openai-server.ts'

const LOG = { info() {}, warn() {} }
const LLAMA = '@cf/meta/llama-3.1-8b-instruct'

/** Calls `env.AI.run` with what the request's body says, and tells what came of it. */
const WORKER = `
const shown = async (result) => {
  if (result instanceof ReadableStream) return { stream: await new Response(result).text() }
  if (result instanceof Response)
    return { status: result.status, type: result.headers.get('content-type'), body: await result.text() }
  return result
}
export default {
  async fetch(request, env) {
    const { model, inputs, options = {}, method, abort, first } = await request.json()
    try {
      if (method !== undefined) return Response.json({ result: await env.AI[method]('x') })
      if (abort === true) {
        const controller = new AbortController()
        const result = await env.AI.run(model, inputs, { ...options, signal: controller.signal })
        const reader = result.getReader()
        const { value } = await reader.read()
        controller.abort(new Error('enough'))
        let error
        try {
          while (!(await reader.read()).done);
        } catch (thrown) {
          error = thrown
        }
        return Response.json({ first: new TextDecoder().decode(value), ended: error !== undefined })
      }
      if (first === true) {
        const controller = new AbortController()
        controller.abort(new Error('before it began'))
        await env.AI.run(model, inputs, { signal: controller.signal })
      }
      const result = await shown(await env.AI.run(model, inputs, options))
      const { lastRequestHttpStatusCode: status, lastRequestId: id, aiGatewayLogId: log } = env.AI
      return Response.json({ result, status, hasId: typeof id === 'string' && id !== '', log })
    } catch (error) {
      return Response.json({ name: error.name, message: error.message, code: env.AI.lastRequestInternalStatusCode })
    }
  },
}
`

async function startWorker(
  target: string,
  server: OpenaiServer,
): Promise<AsyncDisposable & { ask(call: object): Promise<Record<string, unknown>> }> {
  const project = await tempProject({
    'src/index.js': WORKER,
    'wrangler.jsonc': JSON.stringify({
      name: 'models',
      main: 'src/index.js',
      compatibility_date: '2026-07-01',
      ai: { binding: 'AI' },
    }),
  })
  const models = Object.fromEntries(
    ['tools', 'json', 'slow', 'dies', 'busy', 'secret', 'broken', 'picky', 'embed'].map((name) => [
      name,
      name,
    ]),
  )
  const ai = {
    driver: 'openai',
    url: { env: 'AI_URL' },
    models: { [LLAMA]: 'echo', ...models },
    gateways: { mine: server.url.replace('/v1', '/gateway/v1') },
  }
  const built = await buildApp({
    projectDir: project.dir,
    target,
    worker: 'wrangler.jsonc',
    config: { drivers: { ai } },
    log: LOG,
  })
  const running = await built.adapter.start({
    dir: built.outDir,
    info: built.info,
    dataDir: join(project.dir, 'data'),
    port: 0,
    variables: { AI_URL: server.url, AI_KEY: 'the key' },
    log: LOG,
  })
  return {
    async ask(call) {
      const response = await fetch(running.url, { method: 'POST', body: JSON.stringify(call) })
      return (await response.json()) as Record<string, unknown>
    },
    async [Symbol.asyncDispose]() {
      await running.stop()
      await project[Symbol.asyncDispose]()
    },
  }
}

/** The data of server-sent events, but the last one, which is `[DONE]`. */
function events(stream: unknown): Record<string, unknown>[] {
  const data = String(stream).trim().split('\n\n')
  expect(data.pop()).toBe('data: [DONE]')
  return data.map((event) => JSON.parse(event.replace(/^data: /, '')) as Record<string, unknown>)
}

const WEATHER = { name: 'weather', description: 'd', parameters: { type: 'object', properties: {} } }

/** Two messages. */
const MESSAGES = [
  { role: 'system', content: 's' },
  { role: 'user', content: 'a question' },
]

interface Step {
  server: OpenaiServer
  ask: (call: object) => Promise<Record<string, unknown>>
}

async function checkText(step: Step): Promise<void> {
  const { ask, server } = step
  const sent = (): SeenCall => server.calls.at(-1) as SeenCall
  const plain = await ask({ model: LLAMA, inputs: { prompt: 'hello', max_tokens: 5 } })
  expect(plain).toMatchObject({
    result: { response: 'You said: hello', usage: { total_tokens: 7 } },
    status: 200,
  })
  expect(plain['hasId']).toBe(true)
  expect(sent()).toMatchObject({
    path: '/v1/chat/completions',
    headers: { authorization: 'Bearer the key', 'content-type': 'application/json' },
    body: { model: 'echo', max_tokens: 5, messages: [{ role: 'user', content: 'hello' }] },
  })

  const streamed = await ask({ model: LLAMA, inputs: { messages: MESSAGES, stream: true } })
  const pieces = events((streamed['result'] as { stream: string }).stream)
  expect(pieces.map(({ response }) => response).join('')).toBe('You said: a question')
  expect(pieces.at(-1)).toMatchObject({ usage: { total_tokens: 7 } })
}

async function checkTools(step: Step): Promise<void> {
  const { ask, server } = step
  const sent = (): SeenCall => server.calls.at(-1) as SeenCall
  const called = await ask({ model: 'tools', inputs: { messages: MESSAGES, tools: [WEATHER] } })
  const call = { name: 'weather', arguments: { city: 'Oslo' } }
  expect(called['result']).toMatchObject({ response: null, tool_calls: [call] })
  expect(sent().body['tools']).toEqual([{ type: 'function', function: WEATHER }])
  const streamedCall = await ask({
    model: 'tools',
    inputs: { messages: MESSAGES, tools: [WEATHER], stream: true },
  })
  expect(
    events((streamedCall['result'] as { stream: string }).stream).flatMap(
      ({ tool_calls: calls }) => calls ?? [],
    ),
  ).toMatchObject([call])
  // The history in Workers AI's form: no ids, and arguments as an object.
  const history = [
    ...MESSAGES,
    { role: 'assistant', content: '', tool_calls: [call] },
    { role: 'tool', name: 'weather', content: '5 degrees' },
  ]
  await ask({ model: LLAMA, inputs: { messages: history } })
  expect(sent().body.messages?.slice(2)).toEqual([
    {
      role: 'assistant',
      content: '',
      tool_calls: [
        { id: 'call_0', type: 'function', function: { name: 'weather', arguments: '{"city":"Oslo"}' } },
      ],
    },
    { role: 'tool', name: 'weather', content: '5 degrees', tool_call_id: 'call_0' },
  ])
}

async function checkJson(step: Step): Promise<void> {
  const { ask, server } = step
  const sent = (): SeenCall => server.calls.at(-1) as SeenCall
  const schema = { type: 'object', properties: { city: { type: 'string' } } }
  const json = { messages: MESSAGES, response_format: { type: 'json_schema', json_schema: schema } }
  expect((await ask({ model: 'json', inputs: json }))['result']).toMatchObject({
    response: { city: 'Oslo' },
  })
  expect(sent().body['response_format']).toEqual({
    type: 'json_schema',
    json_schema: { name: 'response', schema },
  })
}

async function checkEmbeddings(step: Step): Promise<void> {
  const { ask } = step
  expect((await ask({ model: 'embed', inputs: { text: ['a', 'bcd'] } }))['result']).toMatchObject({
    shape: [2, 3],
    data: [
      [1, 0.5, -1],
      [3, 0.5, -1],
    ],
  })
  expect((await ask({ model: 'embed', inputs: { text: 'one' } }))['result']).toMatchObject({
    shape: [1, 3],
  })
}

async function checkGateway(step: Step): Promise<void> {
  const { ask, server } = step
  const sent = (): SeenCall => server.calls.at(-1) as SeenCall
  const gateway = { id: 'mine', skipCache: true, cacheTtl: 60, metadata: { user: 1 } }
  expect((await ask({ model: LLAMA, inputs: { prompt: 'x' }, options: { gateway } }))['status']).toBe(200)
  expect(sent()).toMatchObject({
    path: '/gateway/v1/chat/completions',
    headers: { 'cf-aig-skip-cache': 'true', 'cf-aig-cache-ttl': '60', 'cf-aig-metadata': '{"user":1}' },
  })
}

async function checkRaw(step: Step): Promise<void> {
  const { ask } = step
  const raw = await ask({ model: LLAMA, inputs: { prompt: 'x' }, options: { returnRawResponse: true } })
  expect(raw['result']).toMatchObject({ status: 200, type: 'application/json' })
  const rawError = await ask({
    model: 'busy',
    inputs: { prompt: 'x' },
    options: { returnRawResponse: true },
  })
  expect(rawError['result']).toMatchObject({ status: 429 })
}

async function checkAborts(step: Step): Promise<void> {
  const { ask, server } = step
  const aborted = await ask({ model: 'slow', inputs: { prompt: 'x', stream: true }, abort: true })
  expect(aborted).toMatchObject({ first: expect.stringContaining('data: {"response":'), ended: true })
  await expect.poll(server.cutOff, PATIENCE).toBe(1)
  expect(await ask({ model: LLAMA, inputs: { prompt: 'x' }, first: true })).toMatchObject({
    name: 'Error',
    message: 'before it began',
  })
}

test.each(['node', 'isolate', 'lambda'])(
  'env.AI of a Worker runs on a server of the protocol of OpenAI, on %s',
  { timeout: 120_000 },
  async (target) => {
    await using server = await startOpenaiServer()
    await using worker = await startWorker(target, server)
    const step = { server, ask: (call: object) => worker.ask(call) }
    for (const check of [
      checkText,
      checkTools,
      checkJson,
      checkEmbeddings,
      checkGateway,
      checkRaw,
      checkAborts,
    ])
      await check(step)
  },
)

test.each(['node', 'isolate', 'lambda'])(
  'what env.AI cannot do is an error by name, in the shape of Workers AI, on %s',
  { timeout: 120_000 },
  async (target) => {
    await using server = await startOpenaiServer()
    await using worker = await startWorker(target, server)
    const failures: [object, string, RegExp][] = [
      [{ model: 'busy', inputs: { prompt: 'x' } }, 'AiError', /^3040: Rate limit reached/],
      [{ model: 'secret', inputs: { prompt: 'x' } }, 'AiError', /^10000: Incorrect API key/],
      [{ model: 'broken', inputs: { prompt: 'x' } }, 'AiError', /^3043: The server had an error/],
      [{ model: 'picky', inputs: { prompt: 'x', top_k: 1 } }, 'AiError', /^5006: Unknown parameter/],
      [
        { model: '@cf/x/y', inputs: { prompt: 'x' } },
        'AiError',
        /^5007: No such model @cf\/x\/y or task\. .*drivers\.ai\.models/,
      ],
      [{ model: LLAMA, inputs: {} }, 'AiError', /^5006: .*'prompt', 'messages' or 'text'/],
      [
        { model: LLAMA, inputs: { prompt: 'x' }, options: { gateway: { id: 'other' } } },
        'AiError',
        /No such gateway other\. .*drivers\.ai\.gateways/,
      ],
      [
        { model: '@cf/openai/whisper', inputs: { audio: [1] } },
        'AiInternalError',
        /env\.AI\.run\("@cf\/openai\/whisper"\): the model is one of speech/,
      ],
      [
        { model: '@cf/black-forest-labs/flux-1-schnell', inputs: { prompt: 'x' } },
        'AiInternalError',
        /making images/,
      ],
      [
        { model: LLAMA, inputs: { image: [1], prompt: 'x' } },
        'AiInternalError',
        /"image" is an image beside the messages/,
      ],
      [{ model: LLAMA, inputs: { requests: [] } }, 'AiInternalError', /"requests" is a batch/],
      [
        { model: LLAMA, inputs: { prompt: 'x' }, options: { websocket: true } },
        'AiInternalError',
        /websocket/,
      ],
    ]
    for (const [call, name, message] of failures)
      expect(await worker.ask(call)).toMatchObject({ name, message: expect.stringMatching(message) })
    expect((await worker.ask({ model: 'busy', inputs: { prompt: 'x' } }))['code']).toBe(3040)
    for (const method of ['toMarkdown', 'autorag', 'aiSearch', 'models', 'gateway', 'fetch'])
      expect(await worker.ask({ method })).toMatchObject({
        name: 'AiInternalError',
        message: expect.stringContaining(`env.AI.${method}() is not supported outside of Cloudflare`),
      })
    // A server that dies half-way must not look like one that has finished.
    const response = worker.ask({ model: 'dies', inputs: { prompt: 'x', stream: true } })
    expect(await response).toMatchObject({ message: expect.any(String) })
  },
)
