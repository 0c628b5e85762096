import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { parseEnv } from 'node:util'
import type { ArtifactInfo } from '../../adapter.ts'
import { constantCase } from '../../bindings/declarations.ts'
import { UnmoorError } from '../../errors.ts'
import { configError } from './config-check.ts'
import { sharedPlaceWarning } from './environments.ts'

/** Environment variables that drivers and unmoor's run-time code read without being named in the config. */
const OWN_VARIABLES =
  /^(AWS_[A-Z0-9_]+|UNMOOR_[A-Z0-9_]+|NODE_[A-Z0-9_]+|DATABASE_URL|REDIS_URL|NATS_URL|PORT|HOST|TZ)$/
/** Names of the environment variables for a server's admin port. */
const ADMIN_VARIABLES = /^ADMIN_(PORT|HOST)$/
const DRIVER_VARIABLES = /^(AWS_[A-Z0-9_]+|DATABASE_URL|REDIS_URL|NATS_URL|UNMOOR_BUCKET|UNMOOR_TABLE)$/

/**
 * Selects the environment variables that an artifact is started with, from the env file and the process's
 * environment, which takes precedence. Only variables that the app declares, that driver options name, or
 * that drivers usually read are passed on, so the app sees nothing else of the developer's machine.
 */
export function collectVariables(
  info: ArtifactInfo,
  file: Readonly<Record<string, string>>,
  environment: NodeJS.ProcessEnv,
): Record<string, string> {
  const declared = new Set(declaredVariables(info))
  const variables: Record<string, string> = {}
  for (const [name, value] of Object.entries(file))
    if (declared.has(name) || OWN_VARIABLES.test(name)) variables[name] = value
  for (const [name, value] of Object.entries(environment)) {
    if (value === undefined) continue
    if (declared.has(name) || Object.hasOwn(variables, name) || DRIVER_VARIABLES.test(name))
      variables[name] = value
  }
  return variables
}

/**
 * Selects the variables of a server's admin port. {@link collectVariables} leaves them out, because the
 * processes of `unmoor dev` and of tests cannot share one port.
 */
export function adminVariables(
  file: Readonly<Record<string, string>>,
  environment: NodeJS.ProcessEnv,
): Record<string, string> {
  const given = Object.entries({ ...file, ...environment })
  return Object.fromEntries(
    given.flatMap(([name, value]) =>
      ADMIN_VARIABLES.test(name) && value !== undefined ? [[name, value] as const] : [],
    ),
  )
}

/**
 * A warning that lists the variables in an env file that the app does not declare; undefined if there are
 * none.
 */
function undeclaredWarning(
  info: ArtifactInfo,
  file: Readonly<Record<string, string>>,
  path: string,
): string | undefined {
  const declared = new Set(declaredVariables(info))
  const names = Object.keys(file).filter(
    (name) => !declared.has(name) && !OWN_VARIABLES.test(name) && !ADMIN_VARIABLES.test(name),
  )
  return names.length === 0
    ? undefined
    : `${path}: the app does not declare ${names.join(', ')}, so it does not get ` +
        `${names.length === 1 ? 'it' : 'them'}. Declare each as variable() or secret() in defineBindings, or ` +
        'remove it.'
}

/**
 * Names of the environment variables that the app declares or that driver options name by `{ env: 'NAME' }`.
 */
function declaredVariables(info: ArtifactInfo): string[] {
  const names: string[] = []
  for (const [binding, { kind }] of Object.entries(info.manifest.bindings)) {
    if (kind === 'variable' || kind === 'secret') names.push(constantCase(binding))
    if (kind === 'service') names.push(`${constantCase(binding)}_URL`)
  }
  for (const spec of Object.values(info.drivers))
    names.push(...optionVariables(spec).map(({ variable }) => variable))
  return names
}

/**
 * The environment variables that a driver's options name by `{ env: 'NAME' }`, at any depth. `option` is the
 * option's path, such as `bytes.bucket`.
 */
export function optionVariables(options: object, path = ''): { option: string; variable: string }[] {
  return Object.entries(options).flatMap(([name, value]: [string, unknown]) => {
    if (typeof value !== 'object' || value === null) return []
    return 'env' in value && typeof value.env === 'string'
      ? [{ option: path + name, variable: value.env }]
      : optionVariables(value, `${path}${name}.`)
  })
}

/**
 * Reads the variables of an env file (`NAME=value` lines). @throws `InvalidArgument` (operation `config`) if
 * the file is missing and `named`, as the user gave its path; otherwise a missing file is empty.
 */
export async function readEnvFile(path: string, named: boolean): Promise<Record<string, string>> {
  if (!existsSync(path)) {
    if (named) throw configError(`There is no env file ${path}.`)
    return {}
  }
  // The type of parseEnv allows undefined values, which an env file cannot contain.
  return parseEnv(await readFile(path, 'utf8')) as Record<string, string>
}

/** The variables of a project's env files. */
export interface EnvFiles {
  readonly variables: Readonly<Record<string, string>>
  /** Names of the env files that were read, for messages; empty if there are none. */
  readonly files: readonly string[]
  /** Names of the variables that the environment's own env files, or the named file, set. */
  readonly own: ReadonlySet<string>
}

/**
 * Reads the env files of a project for a command that runs on this machine: `.env`, `.env.local`, and in an
 * environment also `.env.NAME` and `.env.NAME.local`. A later file overrides an earlier one. `named` is a
 * file that is read in place of all of them.
 *
 * @throws `InvalidArgument` (operation `config`) if the named file is missing.
 */
export async function readEnvFiles(
  projectDir: string,
  { named, environment }: { named?: string | undefined; environment?: string | undefined },
): Promise<EnvFiles> {
  if (named !== undefined) {
    const variables = await readEnvFile(resolve(projectDir, named), true)
    return { variables, files: [named], own: new Set(Object.keys(variables)) }
  }
  const own = environment === undefined ? [] : [`.env.${environment}`, `.env.${environment}.local`]
  const files = ['.env', '.env.local', ...own].filter((name) => existsSync(join(projectDir, name)))
  const read = await Promise.all(files.map((name) => readEnvFile(join(projectDir, name), false)))
  return {
    variables: Object.assign({}, ...read) as Record<string, string>,
    files,
    own: new Set(read.flatMap((one, at) => (own.includes(files[at] as string) ? Object.keys(one) : []))),
  }
}

/** A variable or secret that an app does not start without. */
interface RequiredVariable {
  /** Name of the required variable in the process's environment, such as `API_KEY`. */
  readonly variable: string
  /** Kind and binding of the required variable, such as `secret "apiKey"`. */
  readonly what: string
}

/** Returns the variables and secrets without which the app of an artifact does not start. */
function requiredVariables({ manifest, drivers, options }: ArtifactInfo): RequiredVariable[] {
  // The option `variables` of the targets cloudflare and lambda has values by binding or by name.
  const given = (options['variables'] ?? {}) as Readonly<Record<string, unknown>>
  return Object.entries(manifest.bindings).flatMap(([binding, declaration]) => {
    const spec = drivers[binding]
    const own = spec?.['name']
    const variable = typeof own === 'string' ? own : constantCase(binding)
    const isRequired =
      (declaration.kind === 'variable' && declaration.default === undefined) ||
      (declaration.kind === 'secret' && !declaration.optional && spec?.driver === 'env')
    return isRequired && given[binding] === undefined && given[variable] === undefined
      ? [{ variable, what: `${declaration.kind} "${binding}"` }]
      : []
  })
}

/**
 * Checks that an environment has all variables and secrets of the app, before anything is started or changed.
 *
 * @throws `NotFound` that names each missing one; `todo` says how to set them.
 */
export function checkRequired(
  info: ArtifactInfo,
  isSet: (variable: string) => boolean,
  { environment, todo }: { environment: string; todo: string },
): void {
  const missing = requiredVariables(info).filter(({ variable }) => !isSet(variable))
  if (missing.length === 0) return
  const names = missing.map(({ variable, what }) => `${variable} (${what})`)
  throw new UnmoorError(
    'NotFound',
    `The environment "${environment}" lacks ${names.join(', ')}. Nothing was changed. ${todo}`,
    { operation: 'start' },
  )
}

/**
 * Checks what an artifact gets on this machine: warns of variables that it does not declare and, in an
 * environment, of data that all environments would share; with `starts`, refuses a start without a required
 * variable.
 *
 * @throws `NotFound` as {@link checkRequired} does.
 */
export function checkVariables(
  info: ArtifactInfo,
  { variables, files, own }: EnvFiles,
  { starts, warn }: { starts: boolean; warn: (message: string) => void },
): Record<string, string> {
  const undeclared = starts ? undeclaredWarning(info, variables, files.join(', ') || '.dev.vars') : undefined
  if (undeclared !== undefined) warn(undeclared)
  const isOwn = (name: string): boolean => own.has(name) || process.env[name] !== undefined
  const shared = sharedPlaceWarning(info, variables, isOwn)
  if (shared !== undefined) warn(shared)
  const collected = collectVariables(info, variables, process.env)
  const { environment } = info
  if (starts && environment !== undefined)
    checkRequired(info, (name) => collected[name] !== undefined, {
      environment,
      todo: setLocally(environment),
    })
  return collected
}

/** Returns advice on how to set the variables that {@link checkRequired} misses on this machine. */
function setLocally(environment: string): string {
  return (
    `Set each in .env.${environment} or, if it is a secret, in .env.${environment}.local of the project, ` +
    'or in the environment of the process.'
  )
}
