import { defineLibrary } from '../../harness/library.ts'

const form = new FormData()
form.append('file', new File(['some text'], 'notes.txt', { type: 'text/plain' }))

/** The few calls of the API that the app makes. */
async function upstream(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url)
  if (pathname === '/v1/chat/completions') {
    const { stream } = (await request.json()) as { stream?: boolean }
    if (stream !== true)
      return Response.json({
        id: 'c1',
        choices: [
          {
            index: 0,
            message: { role: 'assistant', content: `Hi, ${request.headers.get('authorization')}` },
          },
        ],
        usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 },
      })
    const chunks = ['Hel', 'lo ', 'wörld'].map(
      (content) => `data: ${JSON.stringify({ id: 'c1', choices: [{ index: 0, delta: { content } }] })}\n\n`,
    )
    return new Response([...chunks, 'data: [DONE]\n\n'].join(''), {
      headers: { 'content-type': 'text/event-stream' },
    })
  }
  if (pathname === '/v1/files') {
    const data = await request.formData()
    const file = data.get('file') as File
    return Response.json({ id: 'f1', filename: file.name, bytes: file.size, purpose: data.get('purpose') })
  }
  if (pathname === '/v1/models') return Response.json({ object: 'list', data: [{ id: 'a' }, { id: 'b' }] })
  return Response.json({ error: { message: 'No such model', code: 'model_not_found' } }, { status: 404 })
}

export default defineLibrary({
  packages: ['openai'],
  variables: { OPENAI_API_KEY: 'sk-test' },
  upstream,
  requests: [
    { name: 'chat', path: '/chat', contains: 'Bearer sk-test' },
    { name: 'stream', path: '/stream', contains: 'wörld' },
    { name: 'models', path: '/models', contains: '["a","b"]' },
    { name: 'upload', path: '/upload', body: form, contains: 'notes.txt' },
    { name: 'error', path: '/error', status: 404, contains: 'NotFoundError' },
  ],
})
