import { defineLibrary } from '../../harness/library.ts'

const candidate = (part: object): object => ({
  candidates: [{ content: { role: 'model', parts: [part] }, finishReason: 'STOP' }],
  usageMetadata: { totalTokenCount: 3 },
})

/** The few calls of the API that the app makes. */
async function upstream(request: Request): Promise<Response> {
  const [model, method] = new URL(request.url).pathname.split('/').at(-1)?.split(':') ?? []
  const body = (await request.json()) as { contents?: { parts: { text: string }[] }[] }
  const asked = body.contents?.at(-1)?.parts[0]?.text ?? ''
  if (model === 'none') return Response.json({ error: { code: 404, message: 'no model' } }, { status: 404 })
  switch (method) {
    case 'generateContent':
      return Response.json(
        candidate(
          model === 'tools'
            ? { functionCall: { name: 'add', args: { a: 1 } } }
            : { text: `You said: ${asked} with ${request.headers.get('x-goog-api-key')}` },
        ),
      )
    case 'streamGenerateContent':
      return new Response(
        ['Hel', 'lo ', 'wörld'].map((text) => `data: ${JSON.stringify(candidate({ text }))}\n\n`).join(''),
        { headers: { 'content-type': 'text/event-stream' } },
      )
    case 'countTokens':
      return Response.json({ totalTokens: 7 })
    default:
      return Response.json({ embeddings: [{ values: [0.5, 1] }, { values: [0, 2] }] })
  }
}

export default defineLibrary({
  packages: ['@google/genai'],
  upstream,
  requests: [
    { name: 'text', path: '/text', contains: 'Hi, Ädä with key' },
    { name: 'stream', path: '/stream', contains: 'wörld' },
    { name: 'a function call', path: '/call', contains: '"name":"add"' },
    { name: 'chat', path: '/chat', contains: '"turns":3' },
    { name: 'embeddings', path: '/embed', contains: '[0.5,1]' },
    { name: 'count', path: '/count', contains: '7' },
    { name: 'an error', path: '/error', status: 404, contains: 'ApiError' },
  ],
})
