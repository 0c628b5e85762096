/**
 * Checks the value that `unmoor.config.ts` exports. The check runs in the process that imported the file,
 * where functions and the like can still be told from data.
 */
import type { AnyConfig } from '../../config.ts'
import { UnmoorError } from '../../errors.ts'
import { didYouMean } from '../../option-table.ts'
import { isRule, RULES } from '../check/rules.ts'
import { TARGETS } from './targets.ts'
import { ALLOWABLE } from './worker/unsupported.ts'

const BUNDLE_KEYS = ['minify', 'sourcemap', 'external', 'requestLog']
const REQUEST_LOGS: readonly unknown[] = [undefined, 'off', 'json', 'text']
const KEYS = [
  'name',
  'entry',
  'variables',
  'drivers',
  'targets',
  'environments',
  'dataDir',
  'worker',
  'check',
  'telemetry',
  ...BUNDLE_KEYS,
]
const ENVIRONMENT_KEYS = ['variables', 'drivers', 'targets']
const TARGET_KEYS = ['drivers', 'options', 'deploy', 'adapter', ...BUNDLE_KEYS]

/** Pattern of an app name that every platform accepts. */
export const APP_NAME = /^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/

/** Pattern of an environment's name, which becomes a part of names on platforms. */
const ENVIRONMENT_NAME = /^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$/

/** Creates an `InvalidArgument` of the operation `config`, with which the command ends with exit code 2. */
export function configError(message: string, cause?: unknown): UnmoorError {
  return new UnmoorError('InvalidArgument', message, { operation: 'config', cause })
}

/**
 * Checks the value that a config file exports and returns it. @throws `InvalidArgument` naming the wrong key
 * and what the key takes.
 */
export function checkConfig(value: unknown, file: string): AnyConfig {
  const refuse = (key: string, takes: string): never => {
    throw configError(`${file}: ${key} ${takes}`)
  }
  if (!isRecord(value))
    return refuse('the default export', 'must be an object. Write: export default defineConfig({ ... })')
  for (const key of Object.keys(value)) {
    if (!KEYS.includes(key))
      refuse(`"${key}"`, `is no key of a config.${didYouMean(key, KEYS)} Keys: ${KEYS.join(', ')}.`)
  }
  const { name, entry, dataDir } = value
  if (name !== undefined && (typeof name !== 'string' || !APP_NAME.test(name))) {
    refuse(
      'name',
      'must be lower-case letters, digits and hyphens, a letter first, at most 63, such as "links"; it ' +
        `is ${print(name)}.`,
    )
  }
  for (const [key, path] of Object.entries({ entry, dataDir })) {
    if (path !== undefined && (typeof path !== 'string' || path === ''))
      refuse(
        key,
        `must be a path such as "${key === 'entry' ? 'src/app.ts' : '.unmoor/data'}"; it is ${print(path)}.`,
      )
  }
  checkWorker(value['worker'], entry, refuse)
  if (value['telemetry'] !== undefined && typeof value['telemetry'] !== 'boolean')
    refuse('telemetry', `must be true or false; it is ${print(value['telemetry'])}.`)
  checkBundleSettings(value, '', refuse)
  checkSilences(value['check'], refuse)
  checkOverridable(value, '', refuse)
  checkEnvironments(value['environments'], refuse)
  return value
}

/** Checks the config keys that both the top level and each environment may have, such as `variables`. */
function checkOverridable(of: Readonly<Record<string, unknown>>, path: string, refuse: Refuse): void {
  const { variables, drivers, targets } = of
  if (variables !== undefined) checkVariables(variables, `${path}variables`, refuse)
  if (drivers !== undefined) checkDrivers(drivers, `${path}drivers`, refuse)
  if (targets === undefined) return
  if (!isRecord(targets))
    return refuse(`${path}targets`, 'must be an object, such as { node: { drivers: {} } }.')
  for (const [target, own] of Object.entries(targets)) checkTarget(own, `${path}targets.${target}`, refuse)
}

function checkVariables(variables: unknown, key: string, refuse: Refuse): void {
  if (!isRecord(variables))
    return refuse(key, "must be an object of declared variables to texts, such as { region: 'eu' }.")
  for (const [binding, text] of Object.entries(variables))
    if (typeof text !== 'string') refuse(`${key}.${binding}`, `must be a text; it is ${print(text)}.`)
}

function checkEnvironments(environments: unknown, refuse: Refuse): void {
  if (environments === undefined) return
  if (!isRecord(environments))
    return refuse('environments', 'must be an object, such as { staging: { drivers: {} } }.')
  for (const [name, own] of Object.entries(environments)) {
    const key = `environments.${name}`
    if (!ENVIRONMENT_NAME.test(name))
      refuse(key, 'is no name: lower-case letters, digits and hyphens, a letter first, at most 32.')
    if (name === 'local')
      refuse(key, 'is no name, since .env.local has the variables of one machine. Take another name.')
    if (!isRecord(own)) return refuse(key, 'must be an object, such as { variables: {}, drivers: {} }.')
    for (const one of Object.keys(own))
      if (!ENVIRONMENT_KEYS.includes(one))
        refuse(
          `"${key}.${one}"`,
          `is no key of an environment.${didYouMean(one, ENVIRONMENT_KEYS)} Keys: ` +
            `${ENVIRONMENT_KEYS.join(', ')}.`,
        )
    checkOverridable(own, `${key}.`, refuse)
  }
}

/** Refuses config entries for unknown targets, since a misspelt target name would be ignored silently. */
export function checkTargetNames(config: AnyConfig, file: string): void {
  checkNamesIn(config, '', config, file)
  for (const [name, environment] of Object.entries(config.environments ?? {}))
    checkNamesIn(environment, `environments.${name}.`, config, file)
}

function checkNamesIn(
  { targets = {} }: Pick<AnyConfig, 'targets'>,
  path: string,
  config: AnyConfig,
  file: string,
): void {
  for (const [name, target] of Object.entries(targets)) {
    const adapter = target.adapter ?? config.targets?.[name]?.adapter
    if (adapter === undefined && !(TARGETS as readonly string[]).includes(name)) {
      throw configError(
        `${file}: ${path}targets.${name}: there is no such target.${didYouMean(name, TARGETS)} Targets: ` +
          `${TARGETS.join(', ')}; one of your own needs "adapter", the path of its module.`,
      )
    }
  }
}

type Refuse = (key: string, takes: string) => never

function checkWorker(worker: unknown, entry: unknown, refuse: Refuse): void {
  if (worker === undefined) return
  if (entry !== undefined) refuse('worker', 'stands in place of "entry". Remove one of the two.')
  const file = isRecord(worker) ? worker['config'] : worker
  if (typeof file !== 'string' || file === '')
    refuse(
      'worker',
      'must be the path of a wrangler file, such as "./wrangler.jsonc", or { config, env, allow }.',
    )
  if (isRecord(worker) && worker['env'] !== undefined && typeof worker['env'] !== 'string')
    refuse('worker.env', 'must be the name of an environment.')
  if (isRecord(worker) && worker['main'] !== undefined && typeof worker['main'] !== 'string')
    refuse('worker.main', 'must be the path of a module.')
  const allow = isRecord(worker) ? (worker['allow'] ?? []) : []
  const names = ALLOWABLE
  if (!Array.isArray(allow) || !allow.every((name) => names.includes(name as string)))
    refuse('worker.allow', `must be a list of names: ${names.join(', ')}; it is ${print(allow)}.`)
}

function checkSilences(check: unknown, refuse: Refuse): void {
  if (check === undefined) return
  const example = `{ packages: { lodash: { 'code-eval': 'why it is fine' } } }`
  if (!isRecord(check)) return refuse('check', `must be an object, such as ${example}.`)
  for (const key of Object.keys(check))
    if (key !== 'packages') refuse(`"check.${key}"`, 'is no key of check. Keys: packages.')
  const packages = check['packages'] ?? {}
  if (!isRecord(packages)) return refuse('check.packages', `must be an object, as in ${example}.`)
  for (const [name, rules] of Object.entries(packages)) {
    if (!isRecord(rules)) return refuse(`check.packages.${name}`, `must be an object, as in ${example}.`)
    for (const [rule, reason] of Object.entries(rules)) {
      if (!isRule(rule))
        refuse(`check.packages.${name}`, `names no rule: "${rule}".${didYouMean(rule, Object.keys(RULES))}`)
      if (typeof reason !== 'string' || reason.trim() === '')
        refuse(`check.packages.${name}.${rule}`, 'must say why it is fine, as a text.')
    }
  }
}

function checkBundleSettings(of: Readonly<Record<string, unknown>>, path: string, refuse: Refuse): void {
  for (const key of ['minify', 'sourcemap'])
    if (of[key] !== undefined && typeof of[key] !== 'boolean')
      refuse(path + key, `must be true or false; it is ${print(of[key])}.`)
  if (!REQUEST_LOGS.includes(of['requestLog']))
    refuse(`${path}requestLog`, `must be "off", "json" or "text"; it is ${print(of['requestLog'])}.`)
  const external = of['external'] ?? []
  if (!Array.isArray(external) || !external.every((name) => typeof name === 'string' && /^[^./]/.test(name)))
    refuse(`${path}external`, `must be a list of packages, such as ["pdfkit"]; it is ${print(external)}.`)
}

function checkTarget(target: unknown, key: string, refuse: Refuse): void {
  if (!isRecord(target)) return refuse(key, 'must be an object, such as { drivers: {} }.')
  for (const own of Object.keys(target)) {
    if (!TARGET_KEYS.includes(own))
      refuse(
        `"${key}.${own}"`,
        `is no key of a target.${didYouMean(own, TARGET_KEYS)} Keys: ${TARGET_KEYS.join(', ')}.`,
      )
  }
  if (target['drivers'] !== undefined) checkDrivers(target['drivers'], `${key}.drivers`, refuse)
  for (const own of ['options', 'deploy']) {
    if (target[own] === undefined) continue
    if (!isRecord(target[own])) refuse(`${key}.${own}`, 'must be an object.')
    checkData(target[own], `${key}.${own}`, refuse)
  }
  checkBundleSettings(target, `${key}.`, refuse)
  const adapter = target['adapter']
  if (adapter !== undefined && (typeof adapter !== 'string' || adapter === ''))
    refuse(`${key}.adapter`, 'must be the path or package of an adapter module.')
}

function checkDrivers(drivers: unknown, key: string, refuse: Refuse): void {
  if (!isRecord(drivers))
    return refuse(key, 'must be an object of binding names to drivers, such as { links: "memory" }.')
  for (const [binding, spec] of Object.entries(drivers)) {
    if (typeof spec === 'string' && spec !== '') continue
    if (!isRecord(spec) || typeof spec['driver'] !== 'string' || spec['driver'] === '') {
      refuse(
        `${key}.${binding}`,
        `must be a driver's name or { driver: 'name', ...options }; it is ${print(spec)}.`,
      )
    }
    checkData(spec, `${key}.${binding}`, refuse)
  }
}

/**
 * Refuses values of driver and target options that JSON would drop or change, since artifacts store options
 * as JSON.
 */
function checkData(value: unknown, key: string, refuse: Refuse): void {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return
  if (typeof value === 'number' && Number.isFinite(value)) return
  if (Array.isArray(value)) return value.forEach((item, index) => checkData(item, `${key}[${index}]`, refuse))
  if (!isRecord(value)) return refuse(key, `must be plain data (JSON); it is ${print(value)}.`)
  for (const [name, item] of Object.entries(value))
    if (item !== undefined) checkData(item, `${key}.${name}`, refuse)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}

function print(value: unknown): string {
  return typeof value === 'string'
    ? `"${value}"`
    : typeof value === 'object' && value !== null
      ? 'an object'
      : String(value)
}
