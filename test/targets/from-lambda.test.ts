import { join } from 'node:path'
import { expect, it } from 'vitest'
import { startApp } from '../../core/testing/index.ts'

it.each(['node', 'cloudflare', 'isolate', 'lambda'])('a streaming Lambda handler streams on %s', { timeout: 60_000 }, async (target) => {
  const t = await startApp({ projectDir: join(import.meta.dirname, 'lambda-stream-app'), target })
  try {
    const response = await t.fetch('/there')
    expect([response.status, response.headers.get('content-type'), response.headers.getSetCookie()]).toEqual([201, 'text/plain', ['a=1', 'b=2']])
    const started = performance.now()
    const chunks: { text: string; at: number }[] = []
    for await (const chunk of response.body ?? []) chunks.push({ text: new TextDecoder().decode(chunk), at: performance.now() - started })
    expect(chunks.map(({ text }) => text).join('')).toBe('first of /there\nsecond\n')
    // The first was there while the handler waited.
    expect((chunks.at(-1)?.at ?? 0) - (chunks[0]?.at ?? 0)).toBeGreaterThan(200)
  } finally {
    await t.stop()
  }
})
