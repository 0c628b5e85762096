import { defineLibrary } from '../../harness/library.ts'

const message = {
  id: 'm1',
  type: 'message',
  role: 'assistant',
  model: 'claude-test',
  usage: { input_tokens: 1, output_tokens: 2 },
}
const events = [
  { type: 'message_start', message: { ...message, content: [], stop_reason: null } },
  { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
  { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Hällo' } },
  { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: ' there' } },
  { type: 'content_block_stop', index: 0 },
  { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 2 } },
  { type: 'message_stop' },
]

/** The few calls of the API that the app makes. */
async function upstream(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url)
  if (pathname === '/v1/messages/count_tokens') return Response.json({ input_tokens: 9 })
  if (pathname !== '/v1/messages')
    return Response.json(
      { type: 'error', error: { type: 'not_found_error' } },
      { status: 404, headers: { 'request-id': 'r1' } },
    )
  const { stream } = (await request.json()) as { stream?: boolean }
  if (stream !== true)
    return Response.json({ ...message, content: [{ type: 'text', text: 'Hi' }], stop_reason: 'end_turn' })
  const lines = events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
  return new Response(lines.join(''), { headers: { 'content-type': 'text/event-stream' } })
}

export default defineLibrary({
  packages: ['@anthropic-ai/sdk'],
  variables: { ANTHROPIC_API_KEY: 'sk-ant-test' },
  upstream,
  requests: [
    { name: 'message', path: '/message', contains: 'Hi' },
    { name: 'stream', path: '/stream', contains: '["Hällo"," there"]' },
    { name: 'passed on', path: '/passed-on', contains: 'Hällo' },
    { name: 'count', path: '/count', contains: '9' },
    { name: 'error', path: '/error', status: 404, contains: 'NotFoundError' },
  ],
})
