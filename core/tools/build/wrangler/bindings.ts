import { existsSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import type { AnyDeclaration } from '../../../bindings/declarations.ts'
import type { WorkerBinding } from '../../../compat/workers/spec.ts'
import { BUCKET_NAME, isBucketName } from '../bucket-name.ts'
import { eachEntry, type Entry } from './lists.ts'
import { Names } from './names.ts'
import { refuse, type Settings } from './settings.ts'
import type { KeyPath } from './file.ts'

/** A Worker's spec under construction: its env, and the app's declarations behind that. */
export interface DeclarationDraft {
  readonly names: Names
  readonly env: Record<string, WorkerBinding>
  readonly declarations: Record<string, AnyDeclaration>
  /** Adds a binding to the Worker's env. @throws `InvalidArgument` if the env has the name already. */
  bind(name: string, at: KeyPath, binding: WorkerBinding): void
}

/** Creates an empty draft of a Worker's spec. */
export function createDraft({ file }: Settings): DeclarationDraft {
  const env: Record<string, WorkerBinding> = {}
  return {
    names: new Names(),
    env,
    declarations: {},
    bind(name, at, binding) {
      if (Object.hasOwn(env, name))
        refuse(file, at, `the env has "${name}" already. Give one of the two another name.`)
      env[name] = binding
    },
  }
}

/**
 * Returns the unmoor binding for a Cloudflare resource id, created on first use: bindings of one id share a
 * resource.
 */
export function once(known: Map<string, string>, id: string, create: () => string): string {
  const binding = known.get(id) ?? create()
  known.set(id, binding)
  return binding
}

/**
 * Declares a wrangler file's KV namespaces, R2 buckets, and D1 databases with their migrations. Returns the
 * names of the databases.
 */
export function readStores(settings: Settings, draft: DeclarationDraft, projectDir: string): string[] {
  const { names, declarations } = draft
  const namespaces = new Map<string, string>()
  eachEntry(settings, { key: 'kv_namespaces', known: ['binding', 'id', 'preview_id'] }, (entry) => {
    const name = entry.text('binding')
    const binding = once(namespaces, entry.optionalText('id') ?? name, () => names.take(name))
    declarations[binding] = { kind: 'kv' }
    draft.bind(name, entry.at, { type: 'kv', binding })
  })
  const buckets = new Map<string, string>()
  const bucketKeys = ['binding', 'bucket_name', 'preview_bucket_name', 'jurisdiction', 'local_dev']
  eachEntry(settings, { key: 'r2_buckets', known: bucketKeys }, (entry) => {
    const name = entry.text('binding')
    const bucket = entry.optionalText('bucket_name')
    for (const key of ['bucket_name', 'preview_bucket_name'])
      if (!isBucketName(entry.optionalText(key) ?? 'none'))
        refuse(settings.file, [...entry.at, key], `R2 has no buckets of such names: they are ${BUCKET_NAME}.`)
    const binding = once(buckets, bucket ?? name, () => names.take(name))
    const uploads = names.keep(`${binding}Uploads`)
    declarations[binding] = { kind: 'blob' }
    declarations[uploads] = { kind: 'blob' }
    draft.bind(name, entry.at, { type: 'r2', binding, uploads })
  })
  const databases = new Map<string, string>()
  const keys = [
    'binding',
    'database_name',
    'database_id',
    'preview_database_id',
    'migrations_table',
    'migrations_dir',
    'migrations_pattern',
    'database_internal_env',
  ]
  eachEntry(settings, { key: 'd1_databases', known: keys }, (entry) => {
    const name = entry.text('binding')
    const binding = once(
      databases,
      entry.optionalText('database_id') ?? entry.optionalText('database_name') ?? name,
      () => names.take(name),
    )
    const migrations = migrationsFolder(settings, entry, projectDir)
    declarations[binding] = {
      kind: 'sql',
      checks: 'engine',
      ...(migrations === undefined ? {} : { migrations }),
    }
    draft.bind(name, entry.at, { type: 'd1', binding })
  })
  return [...databases.values()]
}

function migrationsFolder({ file }: Settings, entry: Entry, projectDir: string): string | undefined {
  if (entry.optional('migrations_pattern') !== undefined)
    refuse(
      file,
      [...entry.at, 'migrations_pattern'],
      'migrations are the .sql files of one folder. Name it as migrations_dir.',
      'Unsupported',
    )
  const named = entry.optionalText('migrations_dir')
  // A generated wrangler file keeps paths relative to the file in `userConfigPath`, from which it was made.
  const own = file.content['userConfigPath']
  for (const dir of [file.dir, ...(typeof own === 'string' ? [dirname(resolve(file.dir, own))] : [])]) {
    const folder = resolve(dir, named ?? 'migrations')
    if (existsSync(folder)) return relative(projectDir, folder) || '.'
  }
  const folder = resolve(file.dir, named ?? 'migrations')
  if (named !== undefined) refuse(file, [...entry.at, 'migrations_dir'], `there is no folder ${folder}.`)
  return undefined
}

/** Declares the `vars` of a wrangler file, and secrets named in `secrets.required` or `.dev.vars`. */
export function readVariables(settings: Settings, draft: DeclarationDraft, devVars: readonly string[]): void {
  const { file } = settings
  const found = settings.get('vars')
  const vars = found?.value ?? {}
  if (typeof vars !== 'object' || vars === null || Array.isArray(vars))
    return refuse(file, found?.at ?? ['vars'], 'it is a table of names and values.')
  for (const [name, value] of Object.entries(vars as Record<string, unknown>)) {
    const text = typeof value === 'string' ? value : JSON.stringify(value)
    draft.declarations[draft.names.keep(name)] = { kind: 'variable', default: text }
    draft.bind(name, [...(found?.at ?? []), name], {
      type: 'var',
      binding: name,
      value: text,
      ...(typeof value === 'string' ? {} : { json: true }),
    })
  }
  const secrets = settings.get('secrets')
  const required = ((secrets?.value as { required?: unknown } | undefined)?.required ?? []) as unknown[]
  for (const name of required)
    if (typeof name !== 'string')
      refuse(file, secrets?.at ?? ['secrets'], 'secrets.required is a list of names.')
  for (const name of new Set([...(required as string[]), ...devVars])) {
    // A variable in .dev.vars overrides its value in the wrangler file, as in wrangler dev. The process's
    // environment overrides both.
    if (Object.hasOwn(draft.env, name)) continue
    draft.declarations[draft.names.keep(name)] = { kind: 'variable' }
    draft.bind(name, secrets?.at ?? ['secrets'], { type: 'var', binding: name })
  }
}

/**
 * Declares a wrangler file's services, Secrets Store secrets, Hyperdrive's Postgres databases and version
 * metadata.
 */
export function readOthers(settings: Settings, draft: DeclarationDraft, ownName: string): void {
  const { names, declarations } = draft
  let remote = false
  const serviceKeys = ['binding', 'service', 'entrypoint', 'props', 'environment', 'cross_account_grant']
  eachEntry(settings, { key: 'services', known: serviceKeys }, (entry) => {
    const name = entry.text('binding')
    const app = entry.text('service')
    const self = app === ownName
    const binding = names.take(name)
    remote ||= !self
    if (!self) declarations[binding] = { kind: 'service', app }
    const props = entry.optional('props') as Record<string, unknown> | undefined
    draft.bind(name, entry.at, {
      type: 'service',
      binding,
      self,
      entrypoint: entry.optionalText('entrypoint'),
      props,
    })
  })
  if (remote) declarations[names.keep(SERVICE_TOKEN)] = { kind: 'variable', default: '' }
  const secretKeys = ['binding', 'store_id', 'secret_name']
  eachEntry(settings, { key: 'secrets_store_secrets', known: secretKeys }, (entry) => {
    const name = entry.text('binding')
    const binding = names.take(name)
    declarations[binding] = { kind: 'secret', optional: false }
    draft.bind(name, entry.at, { type: 'secret', binding })
  })
  eachEntry(settings, { key: 'hyperdrive', known: ['binding', 'id', 'localConnectionString'] }, (entry) => {
    const name = entry.text('binding')
    const binding = names.keep(`${name}_URL`)
    const local = entry.optionalText('localConnectionString')
    declarations[binding] = local === undefined ? { kind: 'variable' } : { kind: 'variable', default: local }
    draft.bind(name, entry.at, { type: 'hyperdrive', binding })
  })
  const version = settings.get('version_metadata')
  const versionName = (version?.value as { binding?: unknown } | undefined)?.binding
  if (typeof versionName === 'string')
    draft.bind(versionName, version?.at ?? [], { type: 'version', id: crypto.randomUUID() })
}

/** Name of the variable with the secret that authorises calls between Workers. */
export const SERVICE_TOKEN = 'UNMOOR_SERVICE_TOKEN'
