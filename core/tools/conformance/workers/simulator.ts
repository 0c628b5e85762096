/** Runs the fixture Worker in workerd with miniflare's simulators, the reference for the cases. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { MiniflareOptions } from 'miniflare'
import { loadMiniflare } from '../../../../adapters/cloudflare/local/miniflare.ts'
import { findWranglerFile, readWranglerFile } from '../../build/wrangler/file.ts'
import { createRule, rulesPlugin } from '../../build/worker/rules.ts'
import { parseStatements } from '../../../bindings/sql-tokenizer.ts'
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
  analytics_engine_datasets?: { binding: string; dataset: string }[]
  durable_objects?: { bindings: { name: string; class_name: string }[] }
  migrations?: { new_sqlite_classes: string[] }[]
}

type WorkerConfig = MiniflareOptions['workers'][number]['config']

/** Bundles the Worker's project as wrangler does, and starts it in workerd. */
export async function startSimulator(
  projectDir: string,
  onOutput: (line: string) => void,
): Promise<Omit<RunningWorker, 'output'>> {
  const { miniflare, versions } = loadMiniflare()
  const { Log, LogLevel, Miniflare } = miniflare
  const { content } = await readWranglerFile(
    findWranglerFile(projectDir) ?? join(projectDir, 'wrangler.jsonc'),
  )
  const config = content as unknown as Wrangler
  const mf = new Miniflare({
    workers: [{ config: toWorkerConfig(config, projectDir, await bundleWorker(projectDir, config.main)) }],
    cf: false,
    host: '127.0.0.1',
    port: 0,
    log: new Log(LogLevel.ERROR),
    handleStructuredLogs: ({ message }) => message.trimEnd().split('\n').forEach(onOutput),
  })
  const url = (await mf.ready).origin
  const [first] = config.d1_databases ?? []
  if (first !== undefined) {
    const database = await mf.getD1Database(first.binding)
    for (const file of (await readdir(join(projectDir, 'migrations'))).sort()) {
      for (const { text } of parseStatements(await readFile(join(projectDir, 'migrations', file), 'utf8')))
        await database.prepare(text).run()
    }
  }
  return {
    url,
    runtime: `workerd ${versions.workerd} and miniflare ${versions.miniflare}`,
    async runCron(cron, scheduledTime) {
      const worker = await mf.getWorker()
      await worker.scheduled({ cron, scheduledTime: new Date(scheduledTime) })
    },
    stop: () => mf.dispose(),
  }
}

/** Converts the wrangler file to Miniflare's configuration. */
function toWorkerConfig(config: Wrangler, projectDir: string, contents: string): WorkerConfig {
  const env: NonNullable<WorkerConfig['env']> = {
    TOKEN: { type: 'text', value: TOKEN },
    VERSION: { type: 'version-metadata' },
  }
  for (const [binding, value] of Object.entries(config.vars ?? {}))
    env[binding] =
      typeof value === 'string' ? { type: 'text', value } : { type: 'json', value: value as never }
  for (const { binding, id } of config.kv_namespaces ?? []) env[binding] = { type: 'kv', id }
  for (const { binding, bucket_name } of config.r2_buckets ?? [])
    env[binding] = { type: 'r2', name: bucket_name }
  for (const { binding, database_id } of config.d1_databases ?? [])
    env[binding] = { type: 'd1', id: database_id }
  for (const { binding, queue, delivery_delay } of config.queues?.producers ?? []) {
    env[binding] = {
      type: 'queue',
      name: queue,
      ...(delivery_delay === undefined ? {} : { deliveryDelay: delivery_delay }),
    }
  }
  for (const { binding, entrypoint, props } of config.services ?? []) {
    env[binding] = {
      type: 'worker',
      worker: config.name,
      ...(entrypoint === undefined ? {} : { exportName: entrypoint }),
      ...(props === undefined ? {} : { props }),
    }
  }
  for (const { name, namespace_id, simple } of config.ratelimits ?? [])
    env[name] = { type: 'rate-limit', namespace: namespace_id, simple }
  for (const { binding, dataset } of config.analytics_engine_datasets ?? [])
    env[binding] = { type: 'analytics-engine-dataset', name: dataset }
  const objects = config.durable_objects?.bindings ?? []
  for (const { name, class_name } of objects)
    env[name] = { type: 'durable-object', worker: config.name, exportName: class_name }
  const { assets } = config
  if (assets?.binding !== undefined) env[assets.binding] = { type: 'assets' }
  return {
    name: config.name,
    compatibilityDate: config.compatibility_date,
    compatibilityFlags: config.compatibility_flags ?? [],
    manifest: {
      mainModule: 'worker.js',
      modulesRoot: projectDir,
      modules: { 'worker.js': { type: 'esm', contents } },
    },
    env,
    exports: Object.fromEntries(
      (config.migrations ?? []).flatMap(({ new_sqlite_classes }) =>
        new_sqlite_classes.map((name) => [name, { type: 'durable-object', storage: 'sqlite' }]),
      ),
    ),
    triggers: (config.queues?.consumers ?? []).map((consumer) => ({
      type: 'queue',
      name: consumer.queue,
      maxBatchSize: consumer.max_batch_size,
      maxBatchTimeout: consumer.max_batch_timeout,
      maxRetries: consumer.max_retries,
    })),
    ...(assets === undefined
      ? {}
      : { assets: { directory: join(projectDir, assets.directory), hasUserWorker: true } }),
  }
}

async function bundleWorker(projectDir: string, main: string): Promise<string> {
  const { rolldown } = await import('rolldown')
  const rules = [createRule('Text', '*.txt'), createRule('Data', '*.bin')]
  const build = await rolldown({
    input: join(projectDir, main),
    external: /^(?:cloudflare|node):/,
    platform: 'neutral',
    plugins: [rulesPlugin(rules, () => {})],
  })
  const { output } = await build.generate({ format: 'esm', codeSplitting: false })
  await build.close()
  return output[0].code
}
