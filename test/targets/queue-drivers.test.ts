/** `unmoor queue` where the config gives the queues a driver that is not the target's own. */
import { randomUUID } from 'node:crypto'
import { afterAll, describe, expect, test } from 'vitest'
import { admin, postgresAnswers, URL_OF_SERVER } from '../drivers/postgres-server.ts'
import { tempProject } from '../unit/temp-project.ts'
import { json, list, listedText, peek } from './queue-deployment.ts'
import { start } from './route-deployment.ts'

const available = await postgresAnswers('unmoor queue with postgres')
afterAll(() => admin.end())

describe.runIf(available).each(['node', 'lambda'])('unmoor queue with queues in postgres on %s', (target) => {
  test(`${target}: the commands reach the driver that the config names, in place of the target's own`, async () => {
    const schema = `queue_command_${randomUUID().replaceAll('-', '')}`
    const driver = { driver: 'postgres', url: URL_OF_SERVER, schema }
    await admin.unsafe(`CREATE SCHEMA ${schema}`)
    await using stored = await tempProject({
      'src/app.ts': `import { defineApp, defineBindings, queue } from 'unmoor'
export default defineApp({
  bindings: defineBindings({ jobs: queue({ deadLetterQueue: 'dead' }), dead: queue() }),
  async fetch(request, env) {
    await env.dead.sendBatch([{ body: { n: 1 } }, { body: new Uint8Array([0, 255]) }, { body: 'c' }])
    return new Response('ok')
  },
})
`,
      'unmoor.config.ts': `export default {
  name: 'stored',
  entry: './src/app.ts',
  drivers: ${JSON.stringify({ jobs: driver, dead: driver })},
}
`,
    })
    const running = await start(stored, target)
    const { url } = running
    try {
      expect((await fetch(url)).status).toBe(200)
      expect(await listedText(url)).toBe(
        'jobs  postgres  0 ready, 0 delayed, 0 in flight  dead letters: dead (3 ready since N s, 0 delayed, 0 in flight)\n' +
          'dead  postgres  3 ready since N s, 0 delayed, 0 in flight  no dead-letter queue\n',
      )
      expect((await peek(url, ['dead'])).map(({ body }) => body)).toEqual([{ n: 1 }, 'AP8=', 'c'])
      expect(await json(url, ['replay', 'jobs', '--limit', '2'])).toMatchObject({
        from: 'dead',
        moved: [expect.any(String), expect.any(String)],
      })
      expect((await peek(url, ['jobs'])).map(({ body }) => body)).toEqual([{ n: 1 }, 'AP8='])
      expect(await json(url, ['purge', 'jobs', '--yes'])).toEqual({ queue: 'jobs', removed: 2 })
      expect((await list(url))['dead']?.depth).toEqual({ ready: 1, delayed: 0, leased: 0 })
    } finally {
      await running.stop()
      await admin.unsafe(`DROP SCHEMA ${schema} CASCADE`)
    }
  })
})
