import { constantCase } from '../../../core/bindings/declarations.ts'
import type { Manifest } from '../../../core/manifest.ts'
import type { WranglerConfig } from './wrangler.ts'

/** Returns the README of a Worker's artifact, with the commands that deploy it. */
export function deployNotes(config: WranglerConfig, manifest: Manifest): string {
  const lines = [
    `# ${config.name} on Cloudflare`,
    '',
    'Written by `unmoor build --target cloudflare`. In this folder:',
    '',
    '```sh',
    'npx wrangler login',
  ]
  for (const { queue } of config.queues?.producers ?? [])
    lines.push(`npx wrangler queues create ${queue}   # once`)
  lines.push('npx wrangler deploy   # creates KV namespaces, buckets and databases that have no id yet')
  for (const database of config.d1_databases ?? []) {
    if (database.migrations_dir !== undefined)
      lines.push(`npx wrangler d1 migrations apply ${database.database_name} --remote`)
  }
  for (const [name, declaration] of Object.entries(manifest.bindings)) {
    if (declaration.kind === 'secret')
      lines.push(
        `npx wrangler secret put ${constantCase(name)}${declaration.optional ? '   # optional' : ''}`,
      )
  }
  lines.push('```', '')
  if (config.secrets !== undefined)
    lines.push('A first deploy may ask for the required secrets: give them with `--secrets-file`.', '')
  lines.push(
    'Ids of resources that exist already belong into `targets.cloudflare.options` of unmoor.config.ts.',
    '',
  )
  return lines.join('\n')
}
