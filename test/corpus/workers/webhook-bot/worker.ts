import { createHmac } from 'node:crypto'
import { defineWorker } from '../../harness/workers/worker.ts'

const signed = (
  body: string,
  type = 'application/json',
): { body: string; headers: Record<string, string> } => ({
  body,
  headers: {
    'content-type': type,
    'x-hub-signature-256': `sha256=${createHmac('sha256', 'shhh').update(body).digest('hex')}`,
  },
})

export default defineWorker({
  style: 'a bot behind signed webhooks that answers through an API',
  upstream: async (request) => new Response((await request.text()).length.toString()),
  requests: [
    { name: 'GET', path: '/', status: 405 },
    { name: 'no signature', path: '/', body: { action: 'x' }, status: 401 },
    {
      name: 'wrong signature',
      path: '/',
      body: '{}',
      headers: { 'x-hub-signature-256': 'sha256=00ff' },
      status: 401,
    },
    { name: 'JSON', path: '/', ...signed('{"action":"opened","ü":1}'), status: 202 },
    { name: 'what it did after', path: '/seen', until: 'opened:200', contains: 'opened:200:21' },
    {
      name: 'form',
      path: '/',
      ...signed('action=closed&a=%C3%BC', 'application/x-www-form-urlencoded'),
      status: 202,
    },
    { name: 'what it did after the form', path: '/seen', until: 'closed:200' },
  ],
})
