import { readFile } from 'node:fs/promises'
import type { BuildContext, DriverSpec } from '../../../core/adapter.ts'
import { driverKind } from '../../../core/bindings/declarations.ts'
import { statementsOf } from '../../../core/bindings/migrations.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { nodeFlags } from './node-builtins.ts'
import { checkOptions, type CloudflareOptions } from '../options.ts'
import { deployNotes } from './deploy-notes.ts'
import {
  ASSETS_FOLDER,
  createWranglerConfig,
  MIGRATIONS_FOLDER,
  NO_ID,
  queueName,
  SOCKETS_CLASS,
  STRONG_KV_CLASS,
  toJsonc,
  WORKER_FILE,
} from './wrangler.ts'

/** Writes the artifact for Cloudflare: the Worker, wrangler.jsonc, the assets and the D1 migrations. */
export async function build(context: BuildContext): Promise<void> {
  const { manifest } = context
  const options = checkOptions(context.options, manifest)
  if (options.environments !== undefined)
    context.log.warn(
      'targets.cloudflare.options.environments is the older form of environments, for wrangler deploy ' +
        '--env alone. Write them as "environments" of the config, and build each with --env NAME.',
    )
  for (const [binding, spec] of Object.entries(context.drivers)) {
    checkDriver(binding, spec)
    checkSocketsDriver(binding, spec, manifest)
  }
  const { file, files } = await context.bundle({
    entry: entrySource(context, options),
    file: WORKER_FILE,
    wasm: 'module',
    // Wrangler uploads the source map that the last line of the Worker's code names.
    sourcemap: 'linked',
    define: { UNMOOR_BUILT: 'true', 'process.env.NODE_ENV': '"production"' },
    external: ['cloudflare:workers', 'cloudflare:sockets'],
  })
  const migrated = await writeMigrations(context)
  if (context.assets !== undefined) await context.copyAssets(ASSETS_FOLDER)
  const config = createWranglerConfig({
    manifest,
    drivers: context.drivers,
    migrated,
    options,
    nodeFlags: nodeFlags(await readFile(file, 'utf8')),
    sourceMaps: files.some((name) => name.endsWith('.map')),
  })
  for (const [name, declaration] of Object.entries(manifest.bindings)) {
    if (
      declaration.kind === 'variable' &&
      declaration.default === undefined &&
      options.variables?.[name] === undefined
    ) {
      context.log.warn(
        `Variable "${name}" has no value for Cloudflare. Set ` +
          `targets.cloudflare.options.variables.${name} in unmoor.config.ts, or set it in the dashboard ` +
          'before the first request.',
      )
    }
  }
  for (const { binding, id } of config.hyperdrive ?? []) {
    if (id === NO_ID)
      context.log.warn(
        `"${binding}" is a Postgres database, which Workers reach through Hyperdrive: run "npx wrangler ` +
          'hyperdrive create NAME --connection-string ..." once, and set its id in ' +
          'targets.cloudflare.options.hyperdrive.',
      )
  }
  await context.write('wrangler.jsonc', toJsonc(config, manifest))
  await context.write('README.md', deployNotes(config, manifest, context.environment))
}

/**
 * Returns the source of the Worker's generated entry. The entry imports only the parts that the app's
 * manifest asks for, so that a Worker without a queue has no code for one.
 */
function entrySource(context: BuildContext, options: CloudflareOptions): string {
  const { manifest, testChannel } = context
  const { imports, object } = context.driverImports()
  // The generated entry contains the names of queues in all environments, since one Worker serves every
  // environment.
  const environments = Object.entries(options.environments ?? {}).map(
    ([name, own]) => [{ ...manifest, name: `${manifest.name}-${name}` }, own] as const,
  )
  const names = Object.fromEntries(
    [[manifest, options] as const, ...environments].flatMap(([app, own]) =>
      manifest.queues.map((binding) => [queueName(app, binding, own), binding]),
    ),
  )
  const crons = Object.keys(manifest.crons).length > 0
  // A Worker needs the Durable Object class of strong kv only for a strong kv binding on Cloudflare's own
  // driver.
  const strong = Object.entries(manifest.bindings).some(
    ([name, declaration]) =>
      driverKind(declaration) === 'strongKv' && context.drivers[name]?.driver === 'cloudflare',
  )
  const sockets = Object.values(manifest.bindings).some(({ kind }) => kind === 'sockets')
  const trusts = options.trustProxy !== undefined && options.trustProxy !== false
  const used = [
    'createWorker',
    ...(strong ? ['createStrongKvObject'] : []),
    ...(manifest.queues.length > 0 ? ['runBatch'] : []),
    ...(crons ? ['runCrons'] : []),
    ...(trusts ? ['createEdgeClient'] : []),
    ...(testChannel ? ['createTestChannel'] : []),
  ]
  return [
    // The generated entry imports unmoor's Workers runtime before the app's modules, because that runtime
    // replaces the global `fetch`.
    `import { ${used.join(', ')} } from 'unmoor/internal/cloudflare/runtime'`,
    ...(sockets ? [`import { createSockets } from 'unmoor/internal/cloudflare/sockets'`] : []),
    `import app from '#app'`,
    ...(testChannel ? [`import { testChannel } from 'unmoor/test-channel'`] : []),
    ...(strong || sockets ? [`import { DurableObject } from 'cloudflare:workers'`] : []),
    imports,
    `const drivers = ${object}`,
    // The address of a Postgres database comes from the Hyperdrive binding. The `url` of the config is for
    // other targets and the local start.
    ...Object.entries(context.drivers)
      .filter(([, { driver }]) => driver === 'postgres')
      .map(
        ([binding, spec]) =>
          `drivers[${JSON.stringify(binding)}].options = ${JSON.stringify({ ...spec, url: undefined })}`,
      ),
    ...(strong ? [`export const ${STRONG_KV_CLASS} = createStrongKvObject(DurableObject)`] : []),
    ...(testChannel ? [`const channel = createTestChannel(testChannel)`] : []),
    ...(sockets ? socketsSource(manifest.name, { strong, testChannel }) : []),
    `${sockets ? 'const worker =' : 'export default'} createWorker({`,
    `  app,`,
    `  name: ${JSON.stringify(manifest.name)},`,
    sockets ? `  drivers: sockets.drivers,` : `  drivers,`,
    ...(manifest.queues.length > 0 ? [`  queue: { run: runBatch, names: ${JSON.stringify(names)} },`] : []),
    ...(crons ? [`  scheduled: runCrons,`] : []),
    ...(trusts ? [`  edgeClient: createEdgeClient(${JSON.stringify(options.trustProxy)}),`] : []),
    ...(testChannel ? [`  testChannel: channel,`] : []),
    `})`,
    ...(sockets ? [`export default sockets.wrap(worker)`] : []),
    '',
  ].join('\n')
}

/** Returns the part of the generated entry that creates the Durable Object class for sockets. */
function socketsSource(
  name: string,
  { strong, testChannel }: { strong: boolean; testChannel: boolean },
): string[] {
  return [
    `const sockets = createSockets(DurableObject, {`,
    `  app,`,
    `  name: ${JSON.stringify(name)},`,
    `  drivers,`,
    ...(testChannel ? [`  testChannel: channel,`] : []),
    `})`,
    `export const ${SOCKETS_CLASS} = sockets.Object`,
    // Wrangler applies the strong kv migration before the sockets migration, so the Worker must export the
    // strong kv class even if the app does not use it.
    ...(strong ? [] : [`export class ${STRONG_KV_CLASS} extends DurableObject {}`]),
  ]
}

/** Names of drivers that do not run on Workers, because they need files or Node's own modules. */
const NODE_ONLY: ReadonlySet<string> = new Set(['sqlite', 'fs', 'files', 'dynamodb', 's3', 'sqs'])

function checkDriver(binding: string, { driver }: DriverSpec): void {
  if (!NODE_ONLY.has(driver)) return
  throw new UnmoorError(
    'Unsupported',
    `Binding "${binding}": the driver "${driver}" does not run on Cloudflare. Leave the driver out to ` +
      `use Cloudflare's own.`,
    { binding, operation: 'build' },
  )
}

function checkSocketsDriver(
  binding: string,
  { driver }: DriverSpec,
  { bindings }: BuildContext['manifest'],
): void {
  if (bindings[binding]?.kind !== 'sockets' || driver === 'cloudflare') return
  throw new UnmoorError(
    'Unsupported',
    `Binding "${binding}": on Cloudflare sockets are held by Durable Objects, and the driver "${driver}" ` +
      `is for processes that hold them. Set targets.cloudflare.drivers.${binding} to "cloudflare".`,
    { binding, operation: 'build' },
  )
}

/**
 * Writes D1 migrations in wrangler's layout: `migrations/BINDING/0001_name.sql`. Returns the names of the
 * bindings that have migrations.
 */
async function writeMigrations(context: BuildContext): Promise<string[]> {
  const migrated: string[] = []
  for (const [binding, migrations] of Object.entries(context.migrations)) {
    if (migrations.length === 0 || context.drivers[binding]?.driver !== 'cloudflare') continue
    migrated.push(binding)
    for (const migration of migrations) {
      const statements = statementsOf(migration, 'sqlite', { binding, operation: 'build' })
      await context.write(
        `${MIGRATIONS_FOLDER}/${binding}/${migration.name}.sql`,
        `${statements.join(';\n\n')};\n`,
      )
    }
  }
  return migrated
}
