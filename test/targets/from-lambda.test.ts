import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { startApp } from '../../core/tools/testing/index.ts'

it.each(['node', 'cloudflare', 'isolate', 'lambda'])(
  'a streaming Lambda handler streams on %s',
  async (target) => {
    // Answers when the test has the first chunk.
    const gate = Promise.withResolvers<void>()
    const server = createServer(
      (_request, response) => void gate.promise.then(() => response.end('open')),
    ).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const t = await startApp({ projectDir: join(import.meta.dirname, 'lambda-stream-app'), target })
    try {
      const { port } = server.address() as AddressInfo
      const response = await t.fetch(`/there?gate=http://127.0.0.1:${port}/`)
      expect([
        response.status,
        response.headers.get('content-type'),
        response.headers.getSetCookie(),
      ]).toEqual([201, 'text/plain', ['a=1', 'b=2']])
      let text = ''
      for await (const chunk of response.body ?? []) {
        text += new TextDecoder().decode(chunk)
        if (text === 'first of /there\n') gate.resolve()
      }
      expect(text).toBe('first of /there\nsecond\n')
    } finally {
      gate.resolve()
      server.close()
      await t.stop()
    }
  },
)
