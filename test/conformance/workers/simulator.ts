/** The fixture Worker in workerd, over miniflare's simulators: the referee of the cases. */
import { readdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { findWranglerFile, readWranglerFile } from '../../../core/build/worker/wrangler-file.ts'
import { rulesPlugin } from '../../../core/build/worker/rules.ts'
import { parseStatements } from '../../../core/bindings/sql-tokenizer.ts'
import { TOKEN } from './fixture/project.ts'
import type { RunningWorker } from './running-worker.ts'

interface Wrangler {
  name: string
  main: string
  compatibility_date: string
  compatibility_flags?: string[]
  assets?: { directory: string; binding?: string }
  triggers?: { crons: string[] }
  vars?: Record<string, unknown>
  kv_namespaces?: { binding: string; id: string }[]
  r2_buckets?: { binding: string; bucket_name: string }[]
  d1_databases?: { binding: string; database_id: string }[]
  queues?: {
    producers: { binding: string; queue: string; delivery_delay?: number }[]
    consumers: { queue: string; max_batch_size: number; max_batch_timeout: number; max_retries: number }[]
  }
  services?: { binding: string; entrypoint?: string; props?: Record<string, unknown> }[]
  ratelimits?: { name: string; namespace_id: string; simple: { limit: number; period: 10 | 60 } }[]
  durable_objects?: { bindings: { name: string; class_name: string }[] }
}

/** Bundles the project as wrangler would and starts it. */
export async function startSimulator(projectDir: string, onOutput: (line: string) => void): Promise<Omit<RunningWorker, 'output'>> {
  const { kCurrentWorker, Log, LogLevel, Miniflare } = await import('miniflare')
  const { content } = await readWranglerFile(findWranglerFile(projectDir) ?? join(projectDir, 'wrangler.jsonc'))
  const config = content as unknown as Wrangler
  const mf = new Miniflare({
    name: config.name,
    compatibilityDate: config.compatibility_date,
    compatibilityFlags: config.compatibility_flags ?? [],
    modules: [{ type: 'ESModule', path: join(projectDir, 'worker.js'), contents: await bundleWorker(projectDir, config.main) }],
    modulesRoot: projectDir,
    bindings: { ...(config.vars as Record<string, string> | undefined), TOKEN },
    kvNamespaces: Object.fromEntries((config.kv_namespaces ?? []).map(({ binding, id }) => [binding, id])),
    r2Buckets: Object.fromEntries((config.r2_buckets ?? []).map(({ binding, bucket_name }) => [binding, bucket_name])),
    d1Databases: Object.fromEntries((config.d1_databases ?? []).map(({ binding, database_id }) => [binding, database_id])),
    queueProducers: Object.fromEntries(
      (config.queues?.producers ?? []).map(({ binding, queue, delivery_delay }) => [
        binding,
        { queueName: queue, ...(delivery_delay === undefined ? {} : { deliveryDelay: delivery_delay }) },
      ]),
    ),
    queueConsumers: Object.fromEntries(
      (config.queues?.consumers ?? []).map((consumer) => [
        consumer.queue,
        { maxBatchSize: consumer.max_batch_size, maxBatchTimeout: consumer.max_batch_timeout, maxRetries: consumer.max_retries },
      ]),
    ),
    serviceBindings: Object.fromEntries(
      (config.services ?? []).map(({ binding, entrypoint, props }) => [
        binding,
        { name: kCurrentWorker, ...(entrypoint === undefined ? {} : { entrypoint }), ...(props === undefined ? {} : { props }) },
      ]),
    ),
    ratelimits: Object.fromEntries((config.ratelimits ?? []).map(({ name, namespace_id, simple }) => [name, { namespace_id, simple }])),
    durableObjects: Object.fromEntries(
      (config.durable_objects?.bindings ?? []).map(({ name, class_name }) => [name, { className: class_name, useSQLite: true }]),
    ),
    versionMetadata: 'VERSION',
    ...(config.assets === undefined
      ? {}
      : { assets: { ...config.assets, directory: join(projectDir, config.assets.directory), routerConfig: { has_user_worker: true } } }),
    cf: false,
    host: '127.0.0.1',
    port: 0,
    log: new Log(LogLevel.ERROR),
    handleRuntimeStdio(stdout: Readable, stderr: Readable) {
      for (const stream of [stdout, stderr]) stream.setEncoding('utf8').on('data', (text: string) => text.trimEnd().split('\n').forEach(onOutput))
    },
  })
  const url = (await mf.ready).origin
  const [first] = config.d1_databases ?? []
  if (first !== undefined) {
    const database = await mf.getD1Database(first.binding)
    for (const file of (await readdir(join(projectDir, 'migrations'))).sort()) {
      for (const { text } of parseStatements(await readFile(join(projectDir, 'migrations', file), 'utf8'))) await database.prepare(text).run()
    }
  }
  const { version } = createRequire(import.meta.url)('workerd/package.json') as { version: string }
  return {
    url,
    runtime: `workerd ${version} and miniflare`,
    async runCron(cron, scheduledTime) {
      const worker = await mf.getWorker()
      await worker.scheduled({ cron, scheduledTime: new Date(scheduledTime) })
    },
    stop: () => mf.dispose(),
  }
}

async function bundleWorker(projectDir: string, main: string): Promise<string> {
  const { rolldown } = await import('rolldown')
  const rules = [
    { type: 'Text' as const, pattern: /\.txt$/ },
    { type: 'Data' as const, pattern: /\.bin$/ },
  ]
  const build = await rolldown({
    input: join(projectDir, main),
    external: /^(?:cloudflare|node):/,
    platform: 'neutral',
    plugins: [rulesPlugin(rules, projectDir)],
  })
  const { output } = await build.generate({ format: 'esm', codeSplitting: false })
  await build.close()
  return output[0].code
}
