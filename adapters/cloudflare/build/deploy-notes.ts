import { constantCase } from '../../../core/bindings/declarations.ts'
import type { Manifest } from '../../../core/manifest.ts'
import { MIGRATIONS_FOLDER, type WranglerConfig } from './wrangler.ts'

/** Returns the README of a Worker's artifact, with the commands that deploy it, in their order. */
export function deployNotes(config: WranglerConfig, manifest: Manifest, environment?: string): string {
  const older = Object.keys(config.env ?? {})
  const flag = environment === undefined ? '' : ` --env ${environment}`
  const lines = [
    `# ${config.name} on Cloudflare`,
    '',
    `Written by \`unmoor build --target cloudflare${flag}\`. ` +
      `In the project, \`unmoor deploy --target cloudflare${flag}\` does all of this by a plan, which ` +
      `\`--dry-run\` ` +
      'prints. By hand: run the commands in this folder, those of the first part once.',
    '',
    ...steps(config, manifest),
  ]
  for (const name of older)
    lines.push(`## Environment ${name}`, '', ...steps({ ...config, ...config.env?.[name] }, manifest, name))
  if (older.length === 0)
    lines.push(
      'Each environment of unmoor.config.ts has an artifact of its own, with resources of its own names: ' +
        '`unmoor build --target cloudflare --env NAME`.',
      '',
    )
  lines.push(
    'A KV namespace or bucket without an id is created by the first deploy. Ids of resources that exist ' +
      'already belong into `targets.cloudflare.options` of unmoor.config.ts.',
    '',
  )
  return lines.join('\n')
}

/** Returns the commands for one environment; `env` is its name in wrangler.jsonc. */
function steps(config: Partial<WranglerConfig>, manifest: Manifest, env?: string): string[] {
  const flag = env === undefined ? '' : ` --env ${env}`
  const migrated = (config.d1_databases ?? []).filter((database) => database.migrations_dir !== undefined)
  const once = ['npx wrangler login']
  for (const { queue } of config.queues?.producers ?? []) once.push(`npx wrangler queues create ${queue}`)
  // A migration before the first deploy finds the database by its name, and the deploy then takes that one.
  for (const { database_name: name, database_id: id } of migrated)
    if (id === undefined) once.push(`npx wrangler d1 create ${name}   # wrangler.jsonc stays as it is`)
  // Required secrets must exist before the first deploy; wrangler creates an empty Worker for them.
  for (const [name, declaration] of Object.entries(manifest.bindings)) {
    if (declaration.kind !== 'secret') continue
    const isOptional = declaration.optional ? '   # optional' : ''
    once.push(`npx wrangler secret put ${constantCase(name)}${flag}${isOptional}`)
  }
  const each = [
    ...migrated.map(({ database_name: name }) => `npx wrangler d1 migrations apply ${name} --remote${flag}`),
    `npx wrangler deploy${flag}`,
  ]
  const lines = [...fence('Once:', once), ...fence('At each release:', each)]
  if (migrated.length > 0)
    lines.push(
      `The migrations in \`${MIGRATIONS_FOLDER}\` go before the code, so until the deploy ends the code of ` +
        'before runs on the new tables: let a migration only add, and remove what is unused in a later ' +
        'release.',
      '',
    )
  lines.push(
    ...fence('Back to the version before (the code alone: data and migrations stay):', [
      `npx wrangler rollback${flag}`,
    ]),
  )
  return lines
}

function fence(title: string, commands: readonly string[]): string[] {
  return [title, '', '```sh', ...commands, '```', '']
}
