import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { checkout } from '../unit/temp-project.ts'
import { startProject } from '../../core/tools/conformance/workers/running.ts'

const LOG = { info() {}, warn() {} }

/** Runs `check` against the example on the target; the example itself is left alone. */
async function withExample(
  name: string,
  target: string,
  check: (url: string, runCron: (cron: string, time: number) => Promise<void>) => Promise<void>,
): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'unmoor-example-'))
  await cp(join(checkout, 'examples/workers', name), dir, {
    recursive: true,
    filter: (source) => !source.includes('.unmoor'),
  })
  const lines: string[] = []
  const worker = await startProject(dir, target, LOG, (line) => void lines.push(line))
  try {
    await check(worker.url, worker.runCron).catch((error: unknown) => {
      throw new Error(
        `${error instanceof Error ? error.message : String(error)}\n${lines.slice(-20).join('\n')}`,
        { cause: error },
      )
    })
  } finally {
    await worker.stop()
    await rm(dir, { recursive: true, force: true, maxRetries: 5 })
  }
}

const json = (body: unknown, method = 'POST'): RequestInit => ({
  method,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
})

describe.each(['cloudflare', 'node', 'isolate', 'lambda'])(
  'existing Workers, unmodified, on %s',
  (target) => {
    test('comments: D1', async () => {
      await withExample('comments', target, async (url) => {
        expect(await (await fetch(`${url}/pages/a/comments`)).json()).toEqual({ comments: [], total: 0 })
        const created = await fetch(`${url}/pages/a/comments`, json({ author: 'ann', body: 'hello' }))
        expect([created.status, await created.json()]).toEqual([
          201,
          { id: 1, author: 'ann', body: 'hello', likes: 0 },
        ])
        expect(
          (await fetch(`${url}/pages/a/comments`, json({ author: 'ann', body: 'x'.repeat(2001) }))).status,
        ).toBe(400)
        expect(await (await fetch(`${url}/comments/1/likes`, { method: 'POST' })).json()).toEqual({
          likes: 1,
        })
        expect((await fetch(`${url}/comments/99/likes`, { method: 'POST' })).status).toBe(404)
        expect(await (await fetch(`${url}/pages/a/comments`)).json()).toEqual({
          comments: [{ id: 1, author: 'ann', body: 'hello', likes: 1 }],
          total: 1,
        })
      })
    })

    test('files: R2 and streams', async () => {
      await withExample('files', target, async (url) => {
        const bytes = new Uint8Array(2_000_000).map((_, index) => index % 251)
        const put = await fetch(`${url}/docs/a.bin`, {
          method: 'PUT',
          body: bytes,
          headers: { 'content-type': 'x/bytes', 'cache-control': 'no-cache' },
        })
        expect([put.status, await put.json()]).toEqual([201, { key: 'docs/a.bin', size: bytes.byteLength }])
        const etag = put.headers.get('etag') as string
        const got = await fetch(`${url}/docs/a.bin`)
        expect([got.status, got.headers.get('content-type'), got.headers.get('etag')]).toEqual([
          200,
          'x/bytes',
          etag,
        ])
        expect(Buffer.from(await got.arrayBuffer()).equals(Buffer.from(bytes))).toBe(true)
        const part = await fetch(`${url}/docs/a.bin`, { headers: { range: 'bytes=1000-1003' } })
        expect([
          part.status,
          part.headers.get('content-range'),
          [...new Uint8Array(await part.arrayBuffer())],
        ]).toEqual([206, 'bytes 1000-1003/2000000', [...bytes.subarray(1000, 1004)]])
        expect((await fetch(`${url}/docs/a.bin`, { headers: { 'if-none-match': etag } })).status).toBe(304)
        expect(
          (
            await fetch(`${url}/docs/a.bin`, {
              method: 'PUT',
              body: 'no',
              headers: { 'if-match': '"other"' },
            })
          ).status,
        ).toBe(412)
        expect(await (await fetch(`${url}/?prefix=docs/`)).json()).toEqual({
          folders: [],
          files: [{ key: 'docs/a.bin', size: 2_000_000, type: 'x/bytes' }],
          truncated: false,
        })
        expect(await (await fetch(`${url}/`)).json()).toMatchObject({ folders: ['docs/'], files: [] })
        expect((await fetch(`${url}/docs/a.bin`, { method: 'DELETE' })).status).toBe(204)
        expect((await fetch(`${url}/docs/a.bin`)).status).toBe(404)
      })
    })

    test('links: KV, a queue and a cron', async () => {
      await withExample('links', target, async (url, runCron) => {
        expect((await fetch(`${url}/docs`, json({ url: 'https://example.com/docs' }, 'PUT'))).status).toBe(
          201,
        )
        for (let count = 0; count < 3; count++) {
          const answer = await fetch(`${url}/docs`, { redirect: 'manual' })
          expect([answer.status, answer.headers.get('location')]).toEqual([302, 'https://example.com/docs'])
        }
        expect((await fetch(`${url}/none`, { redirect: 'manual' })).status).toBe(404)
        await expect
          .poll(async () => (await fetch(`${url}/docs/clicks`)).json(), { interval: 200 })
          .toEqual({ clicks: 3 })
        await runCron('0 3 * * *', Date.UTC(2026, 5, 30, 3))
        expect(await (await fetch(`${url}/docs/clicks`)).json()).toEqual({ clicks: 3 })
      })
    })
  },
)
