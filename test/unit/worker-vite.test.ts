import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readWorker, type WorkerProject } from '../../core/tools/build/worker/worker.ts'
import { tempProject } from './temp-project.ts'

/** What @cloudflare/vite-plugin 1.x writes beside the Worker: every key of its normalized config. */
const WRITTEN = {
  configPath: '/home/me/shop/wrangler.jsonc',
  userConfigPath: '../../wrangler.jsonc',
  topLevelName: 'shop',
  definedEnvironments: [],
  compatibility_date: '2026-07-01',
  compatibility_flags: ['nodejs_compat'],
  jsx_factory: 'React.createElement',
  jsx_fragment: 'React.Fragment',
  rules: [{ type: 'ESModule', globs: ['**/*.js', '**/*.mjs'] }],
  name: 'shop',
  main: 'index.js',
  triggers: {},
  assets: { binding: 'ASSETS', not_found_handling: 'single-page-application', directory: '../client' },
  vars: { A: 'x' },
  durable_objects: { bindings: [] },
  workflows: [],
  migrations: [],
  exports: {},
  kv_namespaces: [{ binding: 'KV', id: 'kv' }],
  cloudchamber: {},
  send_email: [],
  queues: { producers: [], consumers: [] },
  connect: [],
  r2_buckets: [],
  d1_databases: [{ binding: 'DB', database_id: 'db' }],
  vectorize: [],
  ai_search_namespaces: [],
  ai_search: [],
  agent_memory: [],
  hyperdrive: [],
  services: [],
  analytics_engine_datasets: [],
  dispatch_namespaces: [],
  mtls_certificates: [],
  pipelines: [],
  k2: [],
  secrets_store_secrets: [],
  artifacts: [],
  unsafe_hello_world: [],
  flagship: [],
  worker_loaders: [],
  ratelimits: [],
  vpc_services: [],
  vpc_networks: [],
  logfwdr: { bindings: [] },
  upload_source_maps: true,
  python_modules: { exclude: ['**/*.pyc'] },
  dev: { ip: 'localhost', local_protocol: 'http', enable_containers: true, generate_types: false },
  no_bundle: true,
}

const FILES = {
  'wrangler.jsonc': JSON.stringify({
    name: 'shop',
    main: 'virtual:server-entry',
    assets: { binding: 'ASSETS' },
    compatibility_date: '2026-07-01',
  }),
  'migrations/0001_a.sql': 'CREATE TABLE a (b)',
  'dist/shop/wrangler.json': JSON.stringify(WRITTEN),
  'dist/shop/index.js': 'export default {}',
  'dist/client/index.html': 'the page',
  '.wrangler/deploy/config.json': '{"configPath":"../../dist/shop/wrangler.json","auxiliaryWorkers":[]}',
}

async function read(
  file: string,
  files: Record<string, string> = FILES,
): Promise<{ worker: WorkerProject; warnings: string[]; dir: string }> {
  await using project = await tempProject(files)
  const warnings: string[] = []
  const worker = await readWorker({
    file: join(project.dir, file),
    projectDir: project.dir,
    log: { info() {}, warn: (message) => void warnings.push(message) },
  })
  return { worker, warnings, dir: project.dir }
}

test.each(['wrangler.jsonc', '', '.wrangler/deploy/config.json', 'dist/shop/wrangler.json'])(
  "what Vite's build wrote is read through %j",
  async (file) => {
    const { worker, warnings, dir } = await read(file)
    expect(worker.main).toBe(join(dir, 'dist/shop/index.js'))
    expect(worker.spec.declarations).toMatchObject({
      assets: { kind: 'assets', directory: 'dist/client' },
      db: { kind: 'sql', migrations: 'migrations' },
    })
    expect(worker.spec.assets).toMatchObject({ missing: 'single-page-application' })
    expect(warnings.filter((text) => !/config\.json leads to/.test(text))).toEqual([])
  },
)

test('a redirect to a file that is gone says so', async () => {
  const { 'dist/shop/wrangler.json': _, ...files } = FILES
  await expect(read('wrangler.jsonc', files)).rejects.toThrow(
    /config\.json: there is no file .*dist\/shop\/wrangler\.json\. Run the build that writes it again/,
  )
})

test('assets without a folder are none, with a warning that says when there are some', async () => {
  const { worker, warnings } = await read('wrangler.jsonc', {
    'wrangler.jsonc': JSON.stringify({ name: 'shop', main: 'a.js', assets: { binding: 'ASSETS' } }),
    'a.js': 'export default {}',
  })
  expect(worker.spec.env).toEqual({ ASSETS: { type: 'noAssets' } })
  expect(warnings).toEqual([expect.stringMatching(/assets: there is no "directory".*run its build first/)])
})
