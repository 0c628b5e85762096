import { UnmoorError } from '../../../core/errors.ts'
import { didYouMean } from '../../../core/option-table.ts'
import { checkOutbound } from '../services/outbound/rules.ts'
import type { AppSettings } from './app-record.ts'
import { checkLimits } from './limits.ts'

const HOST =
  /^\*$|^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$|^\[[0-9a-f:]+\]$/
const NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/

/** Checks of each app setting, and the text that an error says about valid values. */
const CHECKS: Readonly<Record<keyof AppSettings, { wants: string; holds(value: unknown): boolean }>> = {
  hosts: {
    wants: 'a list of host names, such as "shop.example.com", "*.example.com" or "*"',
    holds: (value) => isList(value, (host) => HOST.test(host.toLowerCase())),
  },
  paths: {
    wants: 'a list of path prefixes, such as "/shop"',
    holds: (value) => isList(value, (path) => /^(\/[^\s/?#%]+)+\/?$/.test(path)),
  },
  variables: { wants: 'an object of names and texts', holds: isTexts },
  secrets: { wants: 'an object of names and texts', holds: isTexts },
  testToken: { wants: 'a text', holds: (value) => typeof value === 'string' && value !== '' },
  limits: { wants: 'an object of limits', holds: (value) => typeof value === 'object' },
  outbound: { wants: 'an object of rules', holds: (value) => typeof value === 'object' },
  services: {
    wants: "a list of other apps' names",
    holds: (value) => isList(value, (name) => NAME.test(name)),
  },
  drivers: { wants: 'an object of bindings and drivers', holds: (value) => isMap(value, isDriver) },
}

/**
 * Checks the name of an app.
 *
 * @throws `InvalidArgument` for a name that cannot be a label of a host name.
 */
export function checkName(name: string): string {
  if (NAME.test(name)) return name
  throw new UnmoorError(
    'InvalidArgument',
    `"${name}" cannot be an app's name: use lower-case letters, digits and hyphens, at most 63.`,
    {
      operation: 'config',
    },
  )
}

/**
 * Checks app settings of a config or the admin API.
 *
 * @throws `InvalidArgument` naming the field.
 */
export function checkSettings(given: unknown, where: string): AppSettings {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw refuse(`${where} takes an object such as { "hosts": ["shop.example.com"] }.`)
  for (const [name, value] of Object.entries(given)) {
    const check = Object.hasOwn(CHECKS, name) ? CHECKS[name as keyof AppSettings] : undefined
    if (check === undefined)
      throw refuse(
        `${where}.${name}: there is no such setting.${didYouMean(name, Object.keys(CHECKS))} Settings: ` +
          `${Object.keys(CHECKS).join(', ')}.`,
      )
    if (value !== undefined && !check.holds(value)) throw refuse(`${where}.${name} takes ${check.wants}.`)
  }
  checkLimits((given as AppSettings).limits, `${where}.limits`)
  checkOutbound((given as AppSettings).outbound, `${where}.outbound`)
  return given
}

/**
 * Merges settings that the admin API receives: given fields replace the earlier ones, `null` removes one.
 * Secrets are merged by name, since nobody can read them to send them again.
 */
export function mergeSettings(before: AppSettings, given: unknown): AppSettings {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw refuse('settings takes an object such as { "hosts": ["shop.example.com"] }.')
  const merged: Record<string, unknown> = { ...before }
  for (const [name, value] of Object.entries(given)) {
    if (value === null) delete merged[name]
    else if (name === 'secrets' && typeof value === 'object') {
      const secrets: [string, unknown][] = Object.entries({ ...before.secrets, ...(value as object) })
      merged[name] = Object.fromEntries(secrets.filter(([, text]) => text !== null))
    } else merged[name] = value
  }
  return checkSettings(merged, 'settings')
}

/**
 * Returns settings that are safe to show: only the names of secrets, and no options of drivers, which may
 * hold passwords.
 */
export function describeSettings({
  secrets,
  testToken,
  drivers,
  ...rest
}: AppSettings): Record<string, unknown> {
  return {
    ...rest,
    ...(secrets === undefined ? {} : { secrets: Object.keys(secrets).sort() }),
    ...(testToken === undefined ? {} : { testToken: true }),
    ...(drivers === undefined
      ? {}
      : {
          drivers: Object.fromEntries(
            Object.entries(drivers).map(([binding, spec]) => [
              binding,
              typeof spec === 'string' ? spec : spec.driver,
            ]),
          ),
        }),
  }
}

function refuse(message: string): UnmoorError {
  return new UnmoorError('InvalidArgument', message, { operation: 'config' })
}

function isList(value: unknown, holds: (item: string) => boolean): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === 'string' && holds(item))
}

function isMap(value: unknown, holds: (item: unknown) => boolean): boolean {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && Object.values(value).every(holds)
  )
}

function isTexts(value: unknown): boolean {
  return (
    isMap(value, (text) => typeof text === 'string') &&
    Object.keys(value as object).every((name) => VARIABLE.test(name))
  )
}

function isDriver(value: unknown): boolean {
  return (
    typeof value === 'string' ||
    (typeof value === 'object' &&
      value !== null &&
      typeof (value as { driver?: unknown }).driver === 'string')
  )
}
