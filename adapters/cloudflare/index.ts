/** `unmoor/cloudflare`: Cloudflare Workers as a target. */
import { NODE_GLOBALS, type Adapter } from '../../core/adapter.ts'
import { build } from './build/build.ts'
import { capabilities } from './capabilities.ts'
import { environmentOptions } from './environment-options.ts'
import { NODE_BUILTINS } from './build/node-builtins.ts'
import { recordedMigrations } from './local/recorded-migrations.ts'
import { migrate, start } from './local/start.ts'
import { cloudflareDeployOptions } from './deploy/options.ts'
import { plan, rollback } from './deploy/plan.ts'
import { driverOptions } from './options.ts'

export type { CloudflareDeployOptions } from './deploy/options.ts'
export type { CloudflareDriverOptions, CloudflareOptions } from './options.ts'

const own = { driver: 'cloudflare' }

/** The target `cloudflare`: a Worker with its wrangler.jsonc. Its options are {@link CloudflareOptions}. */
const cloudflare: Adapter = {
  name: 'cloudflare',
  capabilities,
  nodeBuiltins: NODE_BUILTINS,
  conditions: ['workerd', 'worker', 'browser', 'import', 'default'],
  defaultDrivers: {
    kv: own,
    blob: own,
    sql: own,
    queue: own,
    cache: own,
    service: own,
    assets: own,
    sockets: own,
    secret: { driver: 'env' },
  },
  // Workers reach a Postgres server through Hyperdrive.
  drivers: {
    cloudflare: 'unmoor/internal/cloudflare/drivers',
    postgres: 'unmoor/internal/cloudflare/hyperdrive',
  },
  driverOptions: { cloudflare: driverOptions },
  environmentOptions,
  // Cloudflare's size limits: of bundles on all plans (64 MiB, not compressed, since 2026-09-04), and of
  // static assets on the paid plan: developers.cloudflare.com/workers/platform/limits.
  code: {
    // Workers have Node's globals through the flag nodejs_compat, which a build sets if the bundle uses one.
    globals: [
      ...NODE_GLOBALS,
      'caches',
      'HTMLRewriter',
      'WebSocketPair',
      'WebSocket',
      'EventSource',
      'FixedLengthStream',
      'IdentityTransformStream',
    ],
    fromText: false,
    ioOutsideHandlers: false,
    bundle: 64 * 1024 * 1024,
    asset: 25 * 1024 * 1024,
    assets: 100_000,
  },
  build,
  start,
  migrate,
  recordedMigrations,
  deploy: { options: cloudflareDeployOptions, places: ['url'], plan, rollback },
}

export default cloudflare
