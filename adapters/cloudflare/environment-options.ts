import type { EnvironmentChoice } from '../../core/adapter.ts'
import { UnmoorError } from '../../core/errors.ts'
import type { CloudflareOptions } from './options.ts'

/**
 * Names of the Cloudflare target's options that hold ids or names of resources, which environments do not
 * inherit.
 */
const OWN = ['kv', 'blob', 'sql', 'queue', 'hyperdrive', 'routes'] as const

/**
 * Merges an environment's options of the Cloudflare target over the shared ones. An environment does not
 * inherit ids and names of resources. It inherits names of Workers, with `-ENVIRONMENT` appended.
 */
export function inheritOptions(
  shared: CloudflareOptions,
  own: CloudflareOptions,
  { name, variables }: EnvironmentChoice,
): CloudflareOptions {
  const merged: CloudflareOptions = { ...shared }
  delete merged.environments
  for (const field of OWN) delete merged[field]
  if (shared.name !== undefined) merged.name = `${shared.name}-${name}`
  const service = Object.fromEntries(
    Object.entries(shared.service ?? {}).map(([binding, other]) => [
      binding,
      { name: `${other.name}-${name}` },
    ]),
  )
  const inherited = Object.entries(shared.variables ?? {}).filter(
    ([binding]) => !Object.hasOwn(variables, binding),
  )
  return {
    ...merged,
    ...own,
    ...(shared.service === undefined ? {} : { service: { ...service, ...own.service } }),
    variables: { ...Object.fromEntries(inherited), ...own.variables },
  }
}

/**
 * Returns the Cloudflare target's options in an environment of the config.
 *
 * @throws `InvalidArgument` for environments in the older form (`options.environments`), and for fields of
 * wrangler.jsonc that name resources which the environment would share.
 */
export function environmentOptions(
  shared: Readonly<Record<string, unknown>>,
  own: Readonly<Record<string, unknown>>,
  environment: EnvironmentChoice,
): Readonly<Record<string, unknown>> {
  const [all, mine]: CloudflareOptions[] = [shared, own]
  const place = `environments.${environment.name}.targets.cloudflare.options`
  if (all?.environments !== undefined || mine?.environments !== undefined)
    throw refuse(
      'targets.cloudflare.options.environments is the older form, for wrangler deploy --env, and does not ' +
        `go with --env. Move the options of "${environment.name}" to ${place}.`,
    )
  if (mine?.wrangler === undefined)
    for (const [field, value] of Object.entries(all?.wrangler ?? {}))
      if (namesResources(field, value))
        throw refuse(
          `targets.cloudflare.options.wrangler.${field} names resources, which the environment ` +
            `"${environment.name}" would share. Set ${place}.wrangler, which replaces the whole field.`,
        )
  return { ...inheritOptions(all ?? {}, mine ?? {}, environment) }
}

/** True for a field of wrangler.jsonc that contains routes or bindings. */
function namesResources(field: string, value: unknown): boolean {
  if (field === 'route' || field === 'routes') return true
  if (Array.isArray(value)) return value.some((item) => namesResources('', item))
  return typeof value === 'object' && value !== null && ('binding' in value || 'bindings' in value)
}

function refuse(message: string): UnmoorError {
  return new UnmoorError('InvalidArgument', `unmoor.config.ts: ${message}`, { operation: 'config' })
}
