import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ArtifactInfo, DriverSpec } from '../../../core/adapter.ts'
import { defineApp } from '../../../core/app.ts'
import type { Migration } from '../../../core/bindings/migrations.ts'
import {
  type AnyDeclaration,
  type Bindings,
  defineBindings,
  queue,
} from '../../../core/bindings/declarations.ts'
import { sockets } from '../../../core/bindings/sockets-declaration.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { presentInfo } from '../../../core/old-units.ts'
import { errorText } from './error-text.ts'

/** The files of an artifact that a host uses, besides `assets/`. */
export const ARTIFACT_FILES = ['unmoor.json', 'web-api.js', 'app.js'] as const

const KINDS: ReadonlySet<unknown> = new Set([
  'kv',
  'blob',
  'sql',
  'queue',
  'cache',
  'secret',
  'variable',
  'service',
  'assets',
  'objects',
  'counter',
  'sockets',
])

/**
 * Reads and checks `unmoor.json` in an artifact's folder.
 *
 * @throws `NotFound` if the folder has no artifact; `InvalidArgument` if it was not built for the isolate
 * target.
 */
export async function readInfo(dir: string): Promise<ArtifactInfo> {
  const text = await readFile(join(dir, 'unmoor.json'), 'utf8').catch((cause: unknown) => {
    throw new UnmoorError(
      'NotFound',
      `There is no artifact in ${dir}. Run first: unmoor build --target isolate`,
      { operation: 'config', cause },
    )
  })
  return parseInfo(text, dir)
}

/**
 * Checks an artifact's `unmoor.json`. A tenant may have written the file by hand, and names in it become
 * names of files, tables and keys, so only names that a build accepts pass.
 *
 * @throws `InvalidArgument` naming the invalid field; `where` says which artifact it is, for the message.
 */
export function parseInfo(text: string, where: string): ArtifactInfo {
  try {
    const info = JSON.parse(text) as ArtifactInfo
    if (typeof info !== 'object' || info === null) throw new Error('it is no object')
    if (info.target !== 'isolate' || info.manifest?.version !== 1)
      throw new Error(`it was built for ${JSON.stringify(info.target)} or by another version of unmoor`)
    checkManifest(info.manifest)
    checkMap(info.drivers, 'drivers', (spec: DriverSpec) => typeof spec?.driver === 'string')
    checkMap(info.migrations, 'migrations', (list: unknown) => Array.isArray(list) && list.every(isMigration))
    for (const name of Object.keys(info.migrations))
      if (!Object.hasOwn(info.manifest.bindings, name) || info.manifest.bindings[name]?.kind !== 'sql')
        throw new Error(`it has migrations of "${name}", which is no sql binding`)
    return presentInfo(info, 'it')
  } catch (cause) {
    throw new UnmoorError(
      'InvalidArgument',
      `unmoor.json of ${where}: ${errorText(cause)}. Run: unmoor build --target isolate`,
      { operation: 'config', cause },
    )
  }
}

/** Longest delay of a queue that an existing Worker declares, in seconds: Cloudflare's limit. */
const MAX_DELAY = 86_400

function checkManifest(manifest: ArtifactInfo['manifest']): void {
  const { name, bindings, queues, crons, clientHeader, sockets: events = {} } = manifest
  if (typeof name !== 'string') throw new Error('its manifest has no name')
  if (clientHeader !== undefined && clientHeader !== 'cf-connecting-ip')
    throw new Error('its manifest names a header of the client that no target sets')
  checkMap(bindings, 'bindings', (declaration: AnyDeclaration) => KINDS.has(declaration?.kind))
  for (const [binding, declaration] of Object.entries(bindings)) {
    if (declaration.kind === 'queue') {
      const { kind: _, maxDelay, operable, ...options } = declaration
      if (![true, undefined].includes(operable))
        throw new Error(`"operable" of queue "${binding}" is ${JSON.stringify(operable)}`)
      if (maxDelay === undefined) queue(options)
      // A queue with `maxDelay` comes from an existing Worker; its delays follow Cloudflare's limits.
      else {
        queue({ ...options, retryDelay: 0 })
        const isDelay = (value: number, max: number): boolean =>
          Number.isInteger(value) && value >= 0 && value <= max
        if (!isDelay(maxDelay, MAX_DELAY) || !isDelay(options.retryDelay, maxDelay))
          throw new Error(`the delays of queue "${binding}" are no whole seconds up to ${MAX_DELAY}`)
      }
    }
    if (
      declaration.kind === 'service' &&
      declaration.app !== undefined &&
      typeof declaration.app !== 'string'
    )
      throw new Error(`the service "${binding}" names no app`)
    if (declaration.kind === 'sockets') {
      const { kind: _, ...options } = declaration
      void sockets(options as { path: string })
    }
  }
  checkMap(events, 'sockets', (names: unknown) => Array.isArray(names))
  if (!Array.isArray(queues)) throw new Error('its manifest has no list of queues')
  checkMap(crons, 'crons', (schedule: unknown) => typeof schedule === 'string')
  // Repeat the build's checks of an artifact's binding names, dead-letter queues, consumers and schedules.
  const nothing = (): void => {}
  const named = (names: readonly string[], value: unknown): object =>
    Object.fromEntries(names.map((name) => [name, value]))
  defineApp({
    bindings: defineBindings(bindings as Bindings) as {},
    queues: named(queues, nothing),
    sockets: Object.fromEntries(
      Object.entries(events).map(([binding, names]) => [binding, named(names, nothing)]),
    ),
    crons: Object.fromEntries(
      Object.entries(crons).map(([cron, schedule]) => [cron, { schedule, run: nothing }]),
    ),
  })
}

function checkMap<Value>(map: unknown, name: string, holds: (value: Value) => boolean): void {
  if (typeof map !== 'object' || map === null || Array.isArray(map)) throw new Error(`it has no ${name}`)
  for (const [key, value] of Object.entries(map))
    if (!holds(value as Value)) throw new Error(`${name}.${key} does not hold`)
}

function isMigration(value: Partial<Migration> | null): boolean {
  if (
    typeof value?.name !== 'string' ||
    typeof value.checksum !== 'string' ||
    typeof value.sql !== 'object' ||
    value.sql === null
  )
    return false
  return Object.values(value.sql).every((text) => typeof text === 'string')
}
