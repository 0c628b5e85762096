import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { parseEnv } from 'node:util'
import type { ArtifactInfo } from '../../adapter.ts'
import { constantCase } from '../../bindings/declarations.ts'
import { configError } from './config-check.ts'

/** Environment variables that drivers and unmoor's run-time code read without being named in the config. */
const OWN_VARIABLES =
  /^(AWS_[A-Z0-9_]+|UNMOOR_[A-Z0-9_]+|NODE_[A-Z0-9_]+|DATABASE_URL|REDIS_URL|NATS_URL|PORT|HOST|TZ)$/
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
 * A command's warning that lists the variables in an env file that the app does not declare; undefined if
 * there are none.
 */
export function undeclaredWarning(
  info: ArtifactInfo,
  file: Readonly<Record<string, string>>,
  path: string,
): string | undefined {
  const declared = new Set(declaredVariables(info))
  const names = Object.keys(file).filter((name) => !declared.has(name) && !OWN_VARIABLES.test(name))
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
