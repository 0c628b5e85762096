import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'
import { Engine } from '../../adapters/isolate/engine/engine.ts'
import { CachedIsolateFactory } from '../../adapters/isolate/engine/isolate-factory.ts'
import { IsolateApp } from '../../adapters/isolate/server/isolate-app.ts'
import { Jobs } from '../../adapters/isolate/services/jobs.ts'
import { loadIsolatedVm } from '../../adapters/isolate/engine/isolated-vm.ts'
import type { Context } from '../../core/context.ts'
import type { RunScript } from './runner.ts'

const LIMITS = { memoryMb: 512, cpuMs: 60_000, startupMs: 10_000 }

/** Runs scripts, each in a fresh isolate with the web API that apps get. */
export async function createIsolateRunner(): Promise<RunScript> {
  const { ivm } = await loadIsolatedVm()
  const [webApi, app] = await Promise.all([
    bundle('../../adapters/isolate/guest/web/index.ts', 'iife'),
    bundle('isolate-guest.ts', 'esm'),
  ])
  const factory = new CachedIsolateFactory(ivm, { webApi, app })
  const services = {
    manifest: { bindings: {}, crons: {}, queues: [] } as never,
    env: {},
    fetch: () => Promise.reject(new TypeError('fetch failed: these tests have no network')),
    redact: (text: string) => text,
    jobs: new Jobs(),
  }
  return async (script) => {
    const runtime = await IsolateApp.start({
      create: (events) => Engine.start(ivm, factory, LIMITS, events),
      services,
      values: {},
      environment: {},
      log() {},
      onEnd() {},
    })
    try {
      const response = await runtime.fetch(
        new Request('http://localhost/', { method: 'POST', body: script }),
        CONTEXT,
      )
      return await response.text()
    } finally {
      runtime.close()
    }
  }
}

const CONTEXT: Context = {
  props: {},
  client: { remote: {} },
  requestId: 'wpt',
  signal: new AbortController().signal,
  waitUntil() {},
  passThroughOnException() {},
}

async function bundle(entry: string, format: 'iife' | 'esm'): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'unmoor-wpt-'))
  try {
    const build = await rolldown({
      input: fileURLToPath(new URL(entry, import.meta.url)),
      platform: 'neutral',
      resolve: { mainFields: ['module', 'main'] },
    })
    await build.write({ dir, entryFileNames: 'out.js', format, codeSplitting: false })
    await build.close()
    return await readFile(join(dir, 'out.js'), 'utf8')
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}
