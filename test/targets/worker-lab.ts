import { cp, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildApp } from '../../core/tools/build/build.ts'
import { tempProject } from '../unit/temp-project.ts'

/** Builds a Worker for the isolate target; the folder is the caller's to remove. */
export async function buildWorker(wrangler: object, source: string): Promise<string> {
  await using project = await tempProject({
    'src/index.js': source,
    'wrangler.jsonc': JSON.stringify({ main: 'src/index.js', compatibility_date: '2026-01-01', ...wrangler }),
  })
  const { outDir } = await buildApp({ projectDir: project.dir, target: 'isolate', worker: 'wrangler.jsonc' })
  const out = await mkdtemp(join(tmpdir(), 'unmoor-artifact-'))
  await cp(outDir, out, { recursive: true })
  return out
}

/**
 * A Worker with one Durable Object that counts its hits in storage and in memory, once the request's body is
 * there.
 */
export function buildCounter(): Promise<string> {
  return buildWorker(
    {
      name: 'counter',
      durable_objects: { bindings: [{ name: 'COUNTER', class_name: 'Counter' }] },
      vars: { WORD: 'none' },
    },
    `
import { DurableObject } from 'cloudflare:workers'
export class Counter extends DurableObject {
  id = crypto.randomUUID()
  memory = 0
  async hit() {
    const stored = ((await this.ctx.storage.get('stored')) ?? 0) + 1
    await this.ctx.storage.put('stored', stored)
    return { stored, memory: ++this.memory, id: this.id, word: this.env.WORD }
  }
}
export default {
  async fetch(request, env) {
    await request.text()
    return Response.json(await env.COUNTER.getByName('a').hit())
  },
}
`,
  )
}

/** What an object of {@link buildCounter} answers. */
export interface Hit {
  stored: number
  memory: number
  id: string
  word: string
}
