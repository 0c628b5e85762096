interface Env {
  JOBS: Queue<Job>
  RESULTS: KVNamespace
}
type Job = { id: string; kind: 'sum' | 'fail' | 'flaky'; numbers?: number[]; at?: Date }

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url)
    if (request.method === 'POST' && pathname === '/jobs') {
      const jobs = (await request.json()) as Job[]
      if (jobs.length === 1) await env.JOBS.send(jobs[0]!)
      else await env.JOBS.sendBatch(jobs.map((body) => ({ body, contentType: 'json' })))
      return new Response(`queued ${jobs.length}`, { status: 202 })
    }
    if (pathname.startsWith('/results/')) {
      const result = await env.RESULTS.get(pathname.slice('/results/'.length))
      return new Response(result ?? 'waits', { status: result === null ? 404 : 200 })
    }
    return new Response('no route', { status: 404 })
  },

  async queue(batch, env) {
    for (const message of batch.messages) {
      const { id, kind, numbers = [] } = message.body as Job
      if (batch.queue === 'jobs-dead') {
        await env.RESULTS.put(id, `dead after ${message.attempts}`)
        message.ack()
      } else if (kind === 'fail') message.retry()
      else if (kind === 'flaky' && message.attempts === 1) message.retry({ delaySeconds: 0 })
      else {
        const type = typeof message.id + (message.timestamp instanceof Date)
        await env.RESULTS.put(
          id,
          JSON.stringify({ sum: numbers.reduce((a, b) => a + b, 0), attempts: message.attempts, type }),
        )
        message.ack()
      }
    }
  },
} satisfies ExportedHandler<Env>
