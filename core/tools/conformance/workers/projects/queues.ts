import { ok } from '../../assert.ts'
import { equal } from '../cases/tools.ts'
import { type ProjectCase, projectCases, type Site } from './project-case.ts'

const WORKER = `
const DELAYS = [900, 901, 86400, 1.5, 0.5, '2', null, true]
const tried = async (work) => {
  try { await work(); return 'ok' } catch (error) { return error.name + ': ' + error.message }
}
export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url)
    const saved = await env.KV.get(pathname.slice(1))
    if (pathname !== '/send') return new Response(saved ?? 'nothing yet')
    const told = []
    for (const delaySeconds of DELAYS) {
      told.push(await tried(() => env.LATER.send({}, { delaySeconds })))
      const batch = [{ body: {} }, { body: {}, delaySeconds }]
      told.push(await tried(() => env.LATER.sendBatch(batch, { delaySeconds: 900 })))
    }
    await env.JOBS.send('retries')
    await env.JOBS.send('soon', { delaySeconds: 0.9 })
    return Response.json(told)
  },
  async queue(batch, env) {
    for (const message of batch.messages) {
      if (message.body === 'soon') {
        if (message.attempts === 1) message.retry({ delaySeconds: '0.5' })
        else await env.KV.put('soon', 'came again')
      } else {
        // Only the first call settles the message; the delays of later calls are still checked.
        message.ack()
        const told = []
        for (const delaySeconds of DELAYS) {
          told.push(await tried(() => message.retry({ delaySeconds })))
          told.push(await tried(() => batch.retryAll({ delaySeconds })))
        }
        await env.KV.put('retries', JSON.stringify(told))
      }
    }
  },
}
`

async function eventually(site: Site, path: string): Promise<string> {
  const until = Date.now() + 30_000
  for (;;) {
    const text = await site.text(path)
    if (text !== 'nothing yet' || Date.now() > until) return text
    await new Promise((next) => void setTimeout(next, 100))
  }
}

const all = (text: string): void => {
  const told = JSON.parse(text) as string[]
  equal(
    told,
    told.map(() => 'ok'),
  )
  ok(told.length > 10, 'all were tried')
}

export const QUEUES: ProjectCase[] = projectCases(
  {
    wrangler: {
      name: 'queues-fixture',
      main: 'src/index.js',
      compatibility_date: '2026-07-01',
      kv_namespaces: [{ binding: 'KV', id: 'kv' }],
      queues: {
        producers: [
          { binding: 'JOBS', queue: 'jobs' },
          { binding: 'LATER', queue: 'later' },
        ],
        consumers: [
          { queue: 'jobs', max_batch_size: 1, max_batch_timeout: 0, max_retries: 3 },
          { queue: 'later', max_batch_size: 1, max_batch_timeout: 0, max_retries: 3, retry_delay: 86_400 },
        ],
      },
    },
    files: { 'src/index.js': WORKER },
  },
  [
    [
      '60',
      'delays are whole seconds of what is given, up to a day, for sends and retries',
      async (site, target) => {
        const sent = await site.text('/send')
        // SQS supports a delay of at most 900 seconds.
        if (target !== 'lambda') all(sent)
        all(await eventually(site, '/retries'))
        equal(await eventually(site, '/soon'), 'came again')
      },
    ],
  ],
)
