/**
 * Environments of a config: `environments.NAME`, merged over the rest of the config and chosen by `--env`.
 */
import type { Adapter, ArtifactInfo, DriverSpec } from '../../adapter.ts'
import { type AnyDeclaration, constantCase, driverKind } from '../../bindings/declarations.ts'
import type { AnyConfig, AnyEnvironmentConfig, AnyTargetConfig } from '../../config.ts'
import type { Manifest } from '../../manifest.ts'
import { didYouMean } from '../../option-table.ts'
import { APP_NAME, configError } from './config-check.ts'

/**
 * Returns the config with the environment `name` merged over it; without a name, the config without any
 * environment. The result's `environments` has the chosen environment alone, or is absent. A value of the
 * environment replaces the value of the same key: a variable or a driver by its binding, a setting of a
 * target by its name. A driver that the environment names for all targets also replaces the drivers that
 * single targets have for that binding.
 *
 * @throws `InvalidArgument` (operation `config`), with the config's environments, for an unknown name.
 */
export function chooseEnvironment(config: AnyConfig, name: string | undefined, file: string): AnyConfig {
  const { environments = {}, ...shared } = config
  if (name === undefined) return shared
  const names = Object.keys(environments)
  const own = Object.hasOwn(environments, name) ? environments[name] : undefined
  if (own === undefined)
    throw configError(
      `${file}: there is no environment "${name}".${didYouMean(name, names)} ` +
        (names.length === 0
          ? `The config has none. Add: environments: { ${name}: {} }`
          : `Environments: ${names.join(', ')}.`),
    )
  const targets: Record<string, AnyTargetConfig> = {}
  for (const target of new Set([...Object.keys(shared.targets ?? {}), ...Object.keys(own.targets ?? {})]))
    targets[target] = mergeTarget(shared.targets?.[target], own, target)
  return {
    ...shared,
    variables: { ...shared.variables, ...own.variables },
    drivers: { ...shared.drivers, ...own.drivers },
    targets,
    environments: { [name]: own },
  }
}

/**
 * Merges an environment's settings of a target over the shared ones, except for the target's options and
 * those of its deploys: only the target's adapter knows how these merge.
 */
function mergeTarget(
  shared: AnyTargetConfig = {},
  environment: AnyEnvironmentConfig,
  target: string,
): AnyTargetConfig {
  const { options: _options, deploy: _deploy, ...own } = environment.targets?.[target] ?? {}
  const inherited = Object.entries(shared.drivers ?? {}).filter(
    ([binding]) => environment.drivers?.[binding] === undefined,
  )
  return { ...shared, ...own, drivers: { ...Object.fromEntries(inherited), ...own.drivers } }
}

/** Returns the name and the settings of the environment that {@link chooseEnvironment} has merged. */
export function chosenEnvironment(
  config: AnyConfig,
): { name: string; own: AnyEnvironmentConfig } | undefined {
  const [chosen] = Object.entries(config.environments ?? {})
  return chosen === undefined ? undefined : { name: chosen[0], own: chosen[1] }
}

/**
 * Returns the config with `drivers` for a target, by binding, which override the drivers that the config has.
 */
export function overrideDrivers(
  config: AnyConfig,
  target: string,
  drivers: AnyConfig['drivers'] = {},
): AnyConfig {
  const override = (targets: AnyConfig['targets']): NonNullable<AnyConfig['targets']> => ({
    ...targets,
    [target]: { ...targets?.[target], drivers: { ...targets?.[target]?.drivers, ...drivers } },
  })
  const chosen = chosenEnvironment(config)
  return {
    ...config,
    targets: override(config.targets),
    ...(chosen === undefined
      ? {}
      : { environments: { [chosen.name]: { ...chosen.own, targets: override(chosen.own.targets) } } }),
  }
}

/**
 * Returns the options of a target: in an environment, the shared options, overridden by the environment's own
 * unless the adapter merges them otherwise.
 */
export function environmentTargetOptions(
  config: AnyConfig,
  adapter: Adapter,
): Readonly<Record<string, unknown>> {
  const shared = config.targets?.[adapter.name]?.options ?? {}
  const chosen = chosenEnvironment(config)
  if (chosen === undefined) return shared
  const own = chosen.own.targets?.[adapter.name]?.options ?? {}
  const { name, own: environment } = chosen
  return (
    adapter.environmentOptions?.(shared, own, { name, variables: environment.variables ?? {} }) ?? {
      ...shared,
      ...own,
    }
  )
}

/**
 * Returns the options of `unmoor deploy` for a target: in an environment, the shared options, overridden by
 * the environment's own. Shared options that say where one environment is (`places`) are left out.
 */
export function environmentDeployOptions(
  config: AnyConfig,
  target: string,
  places: readonly string[],
): Readonly<Record<string, unknown>> {
  const shared = config.targets?.[target]?.deploy ?? {}
  const chosen = chosenEnvironment(config)
  if (chosen === undefined) return shared
  const inherited = Object.entries(shared).filter(([name]) => !places.includes(name))
  return { ...Object.fromEntries(inherited), ...chosen.own.targets?.[target]?.deploy }
}

/**
 * Returns the name of an app in an environment: `APP-ENVIRONMENT`. @throws `InvalidArgument` (operation
 * `config`) if that is too long.
 */
export function environmentAppName(app: string, environment: string | undefined, file: string): string {
  if (environment === undefined) return app
  const name = `${app}-${environment}`
  if (!APP_NAME.test(name))
    throw configError(
      `${file}: in the environment "${environment}" the app is "${name}", which is over 63 characters. ` +
        'Give the app or the environment a shorter name.',
    )
  return name
}

/**
 * Returns the name of a target's folder within `.unmoor` and within the data folder: `node`, or
 * `node.staging` in the environment `staging`.
 */
export function targetFolder(target: string, environment: string | undefined): string {
  return environment === undefined ? target : `${target}.${environment}`
}

/**
 * Fields that the config or its environment sets in a declaration. A binding that the config adds to the app
 * has a `kind` too.
 */
export interface DeclarationChange {
  readonly kind?: 'variable' | 'secret'
  readonly app?: string
  readonly default?: string
  readonly optional?: boolean
}

/** Changes that the config or its environment makes to an app's declarations, by binding. */
export type DeclarationChanges = Readonly<Record<string, DeclarationChange>>

/**
 * Returns the changes that the config makes to the app's declarations: `variables` are the defaults of
 * declared variables, and in an environment a service is the app of the same environment.
 *
 * @throws `InvalidArgument` (operation `config`), with the nearest right name, for a value of a binding that
 * is no declared variable.
 */
export function declarationChanges(
  config: AnyConfig,
  { bindings }: Manifest,
  file: string,
): DeclarationChanges {
  const chosen = chosenEnvironment(config)
  const changes: Record<string, { app: string } | { default: string }> = {}
  for (const [binding, value] of Object.entries(config.variables ?? {})) {
    const isOwn = chosen?.own.variables?.[binding] !== undefined
    const key = `${isOwn ? `environments.${chosen.name}.` : ''}variables.${binding}`
    checkVariable(
      binding,
      Object.hasOwn(bindings, binding) ? bindings[binding] : undefined,
      bindings,
      `${file}: ${key}`,
    )
    changes[binding] = { default: value }
  }
  if (chosen !== undefined)
    for (const [binding, declaration] of Object.entries(bindings))
      if (declaration.kind === 'service')
        changes[binding] = { app: `${declaration.app ?? kebabCase(binding)}-${chosen.name}` }
  return changes
}

function checkVariable(
  binding: string,
  declaration: AnyDeclaration | undefined,
  bindings: Manifest['bindings'],
  place: string,
): void {
  if (declaration?.kind === 'variable') return
  if (declaration?.kind === 'secret')
    throw configError(
      `${place}: "${binding}" is a secret, which is no part of a config. Set ${constantCase(binding)} ` +
        'where the app runs.',
    )
  const declared = Object.entries(bindings).flatMap(([name, { kind }]) => (kind === 'variable' ? [name] : []))
  throw configError(
    `${place}: the app declares no variable "${binding}".${didYouMean(binding, declared)} Declared: ` +
      `${declared.join(', ') || 'none'}.`,
  )
}

/** Returns both changes; fields of `later` override those of `earlier`. */
export function joinChanges(earlier: DeclarationChanges, later: DeclarationChanges): DeclarationChanges {
  const joined: Record<string, DeclarationChange> = { ...earlier }
  for (const [binding, change] of Object.entries(later)) joined[binding] = { ...earlier[binding], ...change }
  return joined
}

/** Returns the app's manifest with the changed declarations. */
export function changeDeclarations(manifest: Manifest, changes: DeclarationChanges): Manifest {
  const bindings: Record<string, AnyDeclaration> = { ...manifest.bindings }
  for (const [binding, change] of Object.entries(changes))
    bindings[binding] = { ...manifest.bindings[binding], ...change } as AnyDeclaration
  return { ...manifest, bindings }
}

/**
 * Refuses bindings whose resources would have the same name in two environments: with the environment
 * `staging`, `stagingLinks` of the app `shop` and `links` of `shop-staging` are both `shop-staging-links`.
 *
 * @throws `InvalidArgument` (operation `config`), naming both bindings.
 */
export function checkResourceNames(
  { bindings }: Manifest,
  environments: readonly string[],
  file: string,
): void {
  const taken = new Map<string, { binding: string; place: string }>()
  for (const environment of [undefined, ...environments])
    for (const binding of Object.keys(bindings)) {
      const name = `${environment === undefined ? '' : `${environment}-`}${kebabCase(binding)}`
      const place = environment === undefined ? 'no environment' : `the environment "${environment}"`
      const other = taken.get(name)
      if (other !== undefined && other.place !== place)
        throw configError(
          `${file}: the binding "${other.binding}" in ${other.place} and "${binding}" in ${place} would ` +
            `have the same resource APP-${name}. Rename the binding or the environment.`,
        )
      taken.set(name, { binding, place })
    }
}

/** Options of drivers, by driver and kind of binding, that alone say where the data of a binding is. */
const PLACES: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  sqlite: { sql: ['path'], objects: ['path'] },
  fs: { blob: ['path'] },
  postgres: { sql: ['url'] },
  sqs: { queue: ['url'] },
  // A key prefix separates environments within one DynamoDB table or S3 bucket, unless all have the same
  // prefix.
  dynamodb: { kv: ['table', 'prefix'], strongKv: ['table', 'prefix'] },
  s3: { blob: ['bucket', 'prefix'] },
}

/** Environment variables that say where a binding's data is if its driver's options do not, by driver. */
const PLACE_VARIABLES: Readonly<Record<string, (binding: string) => string>> = {
  postgres: () => 'DATABASE_URL',
  sqs: (binding) => `${constantCase(binding)}_QUEUE_URL`,
}

/**
 * Returns a warning that names the variables which lead to the data of a binding and come from env files that
 * all environments share; undefined if there are none. `isOwn` is true for variables that the environment or
 * the process sets.
 */
export function sharedPlaceWarning(
  { manifest, drivers, environment }: ArtifactInfo,
  variables: Readonly<Record<string, string>>,
  isOwn: (variable: string) => boolean,
): string | undefined {
  const found = Object.entries(manifest.bindings).flatMap(([binding, declaration]) => {
    const { driver, ...options } = drivers[binding] ?? { driver: '' }
    return (PLACES[driver]?.[driverKind(declaration) ?? ''] ?? []).flatMap((name) => {
      const option = options[name] as { env?: unknown } | undefined
      const variable = option === undefined ? PLACE_VARIABLES[driver]?.(binding) : option.env
      return typeof variable === 'string' && variables[variable] !== undefined && !isOwn(variable)
        ? [`${variable} (${binding})`]
        : []
    })
  })
  return environment === undefined || found.length === 0
    ? undefined
    : `The environment "${environment}" has ${[...new Set(found)].join(', ')} of .env or .env.local, by ` +
        `which every environment has the same data. Set it in .env.${environment}.`
}

/**
 * Refuses a driver that an environment inherits from the rest of the config if its options lead to the same
 * data in every environment. Drivers whose options name no place, or name it by a variable, are accepted.
 *
 * @throws `InvalidArgument` (operation `config`), naming the option and what to write.
 */
export function checkSharedPlace(
  { driver, ...options }: DriverSpec,
  kind: string,
  { path, binding, environment }: { path: string; binding: string; environment: string },
): void {
  const names = PLACES[driver]?.[kind] ?? []
  if (names.length === 0 || !names.every((name) => typeof options[name] === 'string')) return
  throw configError(
    `unmoor.config.ts: ${path}: with ${names.map((name) => `"${name}"`).join(' and ')} the driver ` +
      `"${driver}" has the same data in the environment "${environment}" as outside of it. Set ` +
      `environments.${environment}.drivers.${binding}, or take a variable: ${names[0]}: { env: 'NAME' }.`,
  )
}

function kebabCase(name: string): string {
  return constantCase(name).toLowerCase().replaceAll('_', '-')
}
