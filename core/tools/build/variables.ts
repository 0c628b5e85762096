import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { parseEnv } from 'node:util'
import type { ArtifactInfo } from '../../adapter.ts'
import { constantCase } from '../../bindings/declarations.ts'
import { configError } from './config-check.ts'

/** What drivers read besides what the config names. */
const DRIVER_VARIABLES = /^(AWS_[A-Z0-9_]+|DATABASE_URL|REDIS_URL|NATS_URL|UNMOOR_BUCKET|UNMOOR_TABLE)$/

/**
 * The variables that an artifact is started with: all of the env file, and of the process's environment only
 * what the app declares, what its drivers' options name, and the drivers' usual ones, so that an app does not
 * see the rest of a developer's machine. The process's environment wins.
 */
export function collectVariables(
  info: ArtifactInfo,
  file: Readonly<Record<string, string>>,
  environment: NodeJS.ProcessEnv,
): Record<string, string> {
  const wanted = new Set([...declaredVariables(info), ...Object.keys(file)])
  const variables: Record<string, string> = { ...file }
  for (const [name, value] of Object.entries(environment)) {
    if (value !== undefined && (wanted.has(name) || DRIVER_VARIABLES.test(name))) variables[name] = value
  }
  return variables
}

/** Variables of the app's own declarations and of its drivers' `{ env: 'NAME' }` options. */
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
 * The variables that a driver's options name (`{ env: 'NAME' }`), at any depth; `option` is the path, such as
 * `bytes.bucket`.
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
 * The variables of an env file (`NAME=value` lines). @throws `InvalidArgument` (operation `config`) where it
 * was `named` and is missing; an unnamed one may be.
 */
export async function readEnvFile(path: string, named: boolean): Promise<Record<string, string>> {
  if (!existsSync(path)) {
    if (named) throw configError(`There is no env file ${path}.`)
    return {}
  }
  // parseEnv's type has undefined values, which a file cannot give.
  return parseEnv(await readFile(path, 'utf8')) as Record<string, string>
}
