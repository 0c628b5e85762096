import { UnmoorError } from '../../../errors.ts'
import type { Log } from '../../../adapter.ts'
import { didYouMean } from '../../../option-table.ts'
import { HONOURED, NOT_INHERITED, REFUSED, TOP_LEVEL_ONLY, WARNED, WITHOUT_MEANING } from './keys.ts'
import { Problems } from '../problems.ts'
import type { KeyPath, WranglerFile } from './file.ts'

/** The settings of one environment of a wrangler file, with checked keys. */
export interface Settings {
  readonly file: WranglerFile
  /** Name of the wrangler file's environment; undefined for the top level. */
  readonly environment: string | undefined
  readonly log: Log
  /** Collects all problems of the wrangler file, which are reported together. */
  readonly problems: Problems
  /**
   * Returns the value of a wrangler file's key, from the environment or inherited from the top level, and the
   * key's path for errors.
   */
  get: (key: string) => { value: unknown; at: KeyPath } | undefined
}

/** Throws an error about a key of the wrangler file, with its place. */
export function refuse(
  file: WranglerFile,
  at: KeyPath,
  message: string,
  code: 'InvalidArgument' | 'Unsupported' = 'InvalidArgument',
): never {
  throw new UnmoorError(code, `${file.where(at)}: ${message}`, { operation: 'config' })
}

/** Warns of an unknown key in a wrangler file, as wrangler does: a newer wrangler may know it. */
export function warnUnknown({ file, log }: Settings, at: KeyPath, known: readonly string[]): void {
  const name = String(at.at(-1))
  log.warn(`${file.where(at)}: there is no such key.${didYouMean(name, known)} It is left out.`)
}

/**
 * Selects an environment of a wrangler file and checks its keys: features that only Cloudflare has are
 * problems, keys that the Worker can do without are warnings.
 *
 * @throws `InvalidArgument` for an unknown environment.
 */
export function readSettings(file: WranglerFile, environment: string | undefined, log: Log): Settings {
  const { content } = file
  const environments = (content['env'] ?? {}) as Record<string, Record<string, unknown>>
  const names = Object.keys(environments)
  if (environment !== undefined && !Object.hasOwn(environments, environment))
    refuse(
      file,
      ['env'],
      `there is no environment "${environment}". ` +
        (names.length === 0 ? 'The file has none: leave out --env.' : `Environments: ${names.join(', ')}.`),
    )
  if (environment === undefined && names.length > 0)
    log.warn(
      `${file.where(['env'])}: the top level is built. To build an environment, add --env ` +
        `${names.join(' or --env ')}.`,
    )
  const own = environment === undefined ? {} : (environments[environment] as Record<string, unknown>)
  const base: KeyPath = environment === undefined ? [] : ['env', environment]
  const settings: Settings = {
    file,
    environment,
    log,
    problems: new Problems(),
    get(key) {
      if (environment !== undefined && own[key] !== undefined) return { value: own[key], at: [...base, key] }
      if (environment !== undefined && NOT_INHERITED.has(key)) return undefined
      return content[key] === undefined ? undefined : { value: content[key], at: [key] }
    },
  }
  checkKeys(settings, own, log)
  return settings
}

function checkKeys(settings: Settings, own: Record<string, unknown>, log: Log): void {
  const { file, environment, problems } = settings
  for (const key of Object.keys(file.content)) if (!isKnown(key)) warnUnknown(settings, [key], KNOWN)
  for (const key of Object.keys(own)) {
    const at = ['env', environment as string, key]
    if (!isKnown(key)) warnUnknown(settings, at, KNOWN)
    else if (TOP_LEVEL_ONLY.has(key))
      log.warn(`${file.where(at)}: it belongs to the top level. It is left out.`)
  }
  for (const [key, reason] of Object.entries(REFUSED)) {
    const found = settings.get(key)
    if (found !== undefined && !isEmpty(found.value))
      problems.attempt(() => refuse(file, found.at, `${reason}.`, 'Unsupported'))
  }
  for (const [key, reason] of Object.entries(WARNED)) {
    const found = settings.get(key)
    if (found !== undefined && !isEmpty(found.value) && !isDefault(file, key, found.value))
      log.warn(`${file.where(found.at)}: ${reason}.`)
  }
}

const KNOWN: readonly string[] = [
  ...HONOURED,
  ...WITHOUT_MEANING,
  ...Object.keys(WARNED),
  ...Object.keys(REFUSED),
]

/**
 * True for a value that tools write into every wrangler file that they generate, so that it says nothing
 * about this Worker.
 */
function isDefault({ content }: WranglerFile, key: string, value: unknown): boolean {
  if (key === 'no_bundle') return content['configPath'] !== undefined
  return value === 'React.createElement' || value === 'React.Fragment'
}

function isKnown(key: string): boolean {
  return KNOWN.includes(key)
}

/**
 * True for a wrangler setting that asks for nothing: false, null, or lists and tables that contain nothing
 * else.
 */
export function isEmpty(value: unknown): boolean {
  if (value === false || value === null) return true
  return typeof value === 'object' && Object.values(value).every(isEmpty)
}
