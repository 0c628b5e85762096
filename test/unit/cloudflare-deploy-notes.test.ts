import { describe, expect, test } from 'vitest'
import { deployNotes } from '../../adapters/cloudflare/build/deploy-notes.ts'
import { createWranglerConfig } from '../../adapters/cloudflare/build/wrangler.ts'
import { checkOptions } from '../../adapters/cloudflare/options.ts'
import type { Bindings } from '../../core/bindings/declarations.ts'
import { kv, queue, secret, sql } from '../../core/bindings/declarations.ts'
import type { Manifest } from '../../core/manifest.ts'

const BINDINGS = { links: kv(), clicks: queue(), db: sql(), log: sql(), token: secret() }

function notes(bindings: Bindings, options: Record<string, unknown> = {}, environment?: string): string {
  const manifest: Manifest = { version: 1, name: 'shop', bindings, fetch: true, queues: [], crons: {} }
  const drivers = Object.fromEntries(
    Object.entries(bindings).map(([name, { kind }]) => [
      name,
      { driver: kind === 'secret' ? 'env' : 'cloudflare' },
    ]),
  )
  const config = createWranglerConfig({
    manifest,
    drivers,
    migrated: 'db' in bindings ? ['db'] : [],
    options: checkOptions(options, manifest),
    nodeFlags: [],
  })
  return deployNotes(config, manifest, environment)
}

/** The commands of a README, fence by fence. */
function commands(text: string): string[][] {
  return [...text.matchAll(/```sh\n(.*?)\n```/gs)].map(([, lines]) => (lines as string).split('\n'))
}

describe('the README of an artifact for Cloudflare', () => {
  test('creates what the migrations need, migrates, deploys, and says the way back', () => {
    const text = notes(BINDINGS)
    expect(commands(text)).toEqual([
      [
        'npx wrangler login',
        'npx wrangler queues create shop-clicks',
        'npx wrangler d1 create shop-db   # wrangler.jsonc stays as it is',
        'npx wrangler secret put TOKEN',
      ],
      ['npx wrangler d1 migrations apply shop-db --remote', 'npx wrangler deploy'],
      ['npx wrangler rollback'],
    ])
    expect(text).toContain('let a migration only add')
    expect(text).toContain('unmoor build --target cloudflare --env NAME')
  })

  test('creates no database that has an id, and asks for no migration where there is none', () => {
    const [once] = commands(notes(BINDINGS, { sql: { db: { name: 'shop-db', id: 'an-id' } } }))
    expect(once?.join()).not.toContain('d1 create')
    const text = notes({ links: kv(), pin: secret({ optional: true }) })
    expect(commands(text).slice(0, 2)).toEqual([
      ['npx wrangler login', 'npx wrangler secret put PIN   # optional'],
      ['npx wrangler deploy'],
    ])
    expect(text).not.toContain('migration only')
  })

  test('names the environment that the artifact was built for', () => {
    expect(notes(BINDINGS, {}, 'staging')).toContain('`unmoor build --target cloudflare --env staging`')
  })

  test('has the steps of each environment in the older form, with its own names', () => {
    const text = notes(BINDINGS, { environments: { staging: {} } })
    expect(text).toContain('## Environment staging')
    expect(commands(text).slice(3)).toEqual([
      [
        'npx wrangler login',
        'npx wrangler queues create shop-staging-clicks',
        'npx wrangler d1 create shop-staging-db   # wrangler.jsonc stays as it is',
        'npx wrangler secret put TOKEN --env staging',
      ],
      [
        'npx wrangler d1 migrations apply shop-staging-db --remote --env staging',
        'npx wrangler deploy --env staging',
      ],
      ['npx wrangler rollback --env staging'],
    ])
  })
})
