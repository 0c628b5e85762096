import { expect, test } from 'vitest'
import { connectSocket, SocketClient } from '../../core/tools/conformance/socket-client.ts'
import { startProject } from '../../core/tools/conformance/workers/running.ts'
import { tempProject } from './temp-project.ts'

const WORKER = `
import { Hono } from 'hono'
import { upgradeWebSocket } from 'hono/cloudflare-workers'
const app = new Hono()
app.use(async (c, next) => { await next(); c.header('x-after', 'yes') })
app.get('/ws', upgradeWebSocket(() => ({
  onMessage: (event, ws) => event.data === 'end' ? ws.close(4001, 'ended') : ws.send('heard ' + event.data),
})))
app.get('/', (c) => c.text('here'))
export default app
`

test.each(['cloudflare', 'node', 'isolate'])(
  'upgradeWebSocket of hono/cloudflare-workers answers a client of ws on %s',
  async (target) => {
    await using project = await tempProject({
      'package.json': '{ "type": "module" }',
      'src/index.js': WORKER,
      'wrangler.jsonc': JSON.stringify({
        name: 'hono-sockets',
        main: 'src/index.js',
        compatibility_date: '2026-07-01',
      }),
    })
    const log = { info() {}, warn() {} }
    const worker = await startProject(project.dir, target, log, () => {})
    try {
      const client = await connectSocket(worker.url, '/ws')
      if (!(client instanceof SocketClient)) throw new Error(`it is a ${client.status}: ${client.body}`)
      expect(client.headers['x-after']).toBe('yes')
      client.send('one')
      expect(await client.next()).toBe('heard one')
      client.send('end')
      expect(await client.closed).toEqual({ code: 4001, reason: 'ended' })
      expect(await (await fetch(worker.url)).text()).toBe('here')
    } finally {
      await worker.stop()
    }
  },
)
