import { UnmoorError } from '../../../errors.ts'
import type { Log } from '../../../adapter.ts'
import { HONOURED, NOT_INHERITED, REFUSED, TOP_LEVEL_ONLY, WARNED, WITHOUT_MEANING } from './keys.ts'
import type { KeyPath, WranglerFile } from './file.ts'

/** The settings of one environment of a wrangler file, its keys checked. */
export interface Settings {
  readonly file: WranglerFile
  /** The environment's name; undefined for the top level. */
  readonly environment: string | undefined
  /** The value of a key, and its path for errors. */
  get(key: string): { value: unknown; at: KeyPath } | undefined
}

/** An error at a key. */
export function refuse(
  file: WranglerFile,
  at: KeyPath,
  message: string,
  code: 'InvalidArgument' | 'Unsupported' = 'InvalidArgument',
): never {
  throw new UnmoorError(code, `${file.where(at)}: ${message}`, { operation: 'config' })
}

/**
 * Picks the environment and checks every key of it. What only Cloudflare has is refused, all of it in one
 * error; what the Worker can run without is a warning.
 *
 * @throws `InvalidArgument` for unknown keys and environments, `Unsupported` for what no target has.
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
  const { file, environment } = settings
  const unknown: string[] = []
  for (const key of Object.keys(file.content)) if (!isKnown(key)) unknown.push(file.where([key]))
  for (const key of Object.keys(own))
    if (!isKnown(key) || TOP_LEVEL_ONLY.has(key))
      unknown.push(file.where(['env', environment as string, key]))
  if (unknown.length > 0)
    throw new UnmoorError(
      'InvalidArgument',
      `The wrangler file has keys that wrangler does not know:\n  ${unknown.join('\n  ')}\nCorrect or ` +
        'remove them.',
      {
        operation: 'config',
      },
    )
  const refused: string[] = []
  for (const [key, reason] of Object.entries(REFUSED)) {
    const found = settings.get(key)
    if (found !== undefined && !isEmpty(found.value)) refused.push(`${file.where(found.at)}: ${reason}.`)
  }
  if (refused.length > 0)
    throw new UnmoorError(
      'Unsupported',
      `The Worker needs what no target but Cloudflare has:\n  ${refused.join('\n  ')}`,
      { operation: 'config' },
    )
  for (const [key, reason] of Object.entries(WARNED)) {
    const found = settings.get(key)
    if (found !== undefined && !isEmpty(found.value)) log.warn(`${file.where(found.at)}: ${reason}.`)
  }
}

function isKnown(key: string): boolean {
  return (
    HONOURED.has(key) || WITHOUT_MEANING.has(key) || Object.hasOwn(WARNED, key) || Object.hasOwn(REFUSED, key)
  )
}

function isEmpty(value: unknown): boolean {
  return value === false || (typeof value === 'object' && value !== null && Object.keys(value).length === 0)
}
