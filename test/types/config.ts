/**
 * What a config may say, and what must not compile: a misspelled target, driver or option, and a wrong unit.
 */
import {
  type AnyConfig,
  type Config,
  defineConfig,
  type DriverConfig,
  type Drivers,
  type Targets,
} from 'unmoor'
import { isolateOptions } from '../../adapters/isolate/options.ts'
import { lambdaOptions } from '../../adapters/lambda/options.ts'
import type { RUNTIMES } from '../../adapters/lambda/local/launch.ts'
import type { InvokeMode } from '../../adapters/lambda/runtime/events.ts'
import type { HttpEventKind } from '../../core/compat/from-lambda/http-events.ts'
import type { LambdaOptions } from '../../adapters/lambda/options.ts'
import type { OptionTable } from '../../core/option-table.ts'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
function check<_Is extends true>(): void {}

// A package adds its own driver and its own target.
declare module 'unmoor' {
  interface Drivers {
    'unmoor-mongo': {
      url?: string
      /** Seconds. */
      timeout?: number
    }
  }
  interface Targets {
    bun: { allow?: readonly string[] }
  }
}

const config = defineConfig({
  name: 'links',
  drivers: {
    byName: 'redis',
    withOptions: {
      driver: 'redis',
      timeout: 0.5,
      url: { env: 'CACHE_URL' },
      prefix: { env: 'STAGE', optional: true },
    },
    ofAnotherKind: { driver: 'redis', durability: 'memory', maxBytes: 1000 },
    nested: { driver: 'postgres', bytes: { driver: 's3', bucket: { env: 'BUCKET' }, timeout: 5 } },
    path: './drivers/mine.ts',
    pathWithOptions: { driver: '../mine.ts', anything: [1] },
    absolute: '/srv/mine.js',
    scoped: { driver: '@shop/driver', anything: true },
    added: { driver: 'unmoor-mongo', timeout: 3 },
  },
  targets: {
    node: {
      options: {
        trustProxy: true,
        stopTimeout: 5,
        cronStore: { driver: 'postgres', url: { env: 'CRONS_URL' } },
      },
    },
    cloudflare: {
      options: { kv: { links: { id: 'x' } } },
      drivers: { strong: { driver: 'cloudflare', shards: 8 } },
    },
    lambda: { options: { event: 'alb', timeout: 30 } },
    isolate: { options: { wallTimeout: 0.5, outbound: { deny: ['*'] }, cronStore: './crons.ts' } },
    bun: { adapter: 'unmoor-bun', options: { allow: ['net'] } },
  },
})
check<Equal<typeof config, Config>>()
// Tools take a checked config and one of plain JavaScript alike.
export const loose: AnyConfig[] = [config, { targets: { mine: { adapter: './mine.ts', options: { a: 1 } } } }]

const icons: DriverConfig<'s3' | 'fs'> =
  process.env['ICONS'] === 's3' ? { driver: 's3' } : { driver: 'fs', path: { env: 'ICONS_DIR' } }
defineConfig({ drivers: { icons } })

defineConfig({ targets: { deno: { adapter: './deno/adapter.ts', options: {} } } })

// A misspelled target.
// @ts-expect-error
defineConfig({ targets: { cloudfare: {} } })
// @ts-expect-error
defineConfig({ targets: { bunn: { adapter: './bun.ts' } } })
// A misspelled driver, a bare package that nobody added, and the driver of no cron store.
// @ts-expect-error
defineConfig({ drivers: { links: 'rediss' } })
// @ts-expect-error
defineConfig({ targets: { node: { drivers: { links: { driver: 'postgress', url: 'x' } } } } })
// @ts-expect-error
defineConfig({ drivers: { links: 'some-package' } })
// @ts-expect-error
defineConfig({ targets: { node: { options: { cronStore: 'nats' } } } })
// A misspelled option: of a driver, of a driver within a driver, of an added driver, of a target, of an added
// target, of the config.
// @ts-expect-error
defineConfig({ drivers: { links: { driver: 'redis', timout: 3 } } })
// @ts-expect-error
defineConfig({ drivers: { links: { driver: 'redis', shards: 4 } } })
// @ts-expect-error
defineConfig({ drivers: { pictures: { driver: 'postgres', bytes: { driver: 's3', buket: 'b' } } } })
// @ts-expect-error
defineConfig({ drivers: { items: { driver: 'unmoor-mongo', urll: 'x' } } })
// @ts-expect-error
defineConfig({ targets: { node: { options: { trustProxi: true } } } })
// @ts-expect-error
defineConfig({ targets: { lambda: { options: { cronLease: 30 } } } })
// @ts-expect-error
defineConfig({ targets: { bun: { options: { alow: ['net'] } } } })
// @ts-expect-error
defineConfig({ targets: { node: { options: { cronStore: { driver: 'postgres', ulr: 'x' } } } } })
// @ts-expect-error
defineConfig({ targets: { deno: { adapter: './deno/adapter.ts', options: { any: 1 } } } })
// @ts-expect-error
defineConfig({ targts: {} })
// @ts-expect-error
defineConfig({ targets: { node: { option: {} } } })
// A wrong unit: no option is named or written in another one.
// @ts-expect-error
defineConfig({ drivers: { api: { driver: 'http', timeoutMs: 500 } } })
// @ts-expect-error
defineConfig({ drivers: { api: { driver: 'http', timeout: '500 ms' } } })
// @ts-expect-error
defineConfig({ drivers: { notes: { driver: 'sqlite', busyTimeoutMs: 500 } } })
// @ts-expect-error
defineConfig({ targets: { node: { options: { stopMs: 500 } } } })
// A wrong type or choice.
// @ts-expect-error
defineConfig({ drivers: { notes: { driver: 'sqlite', synchronous: 'always' } } })
// @ts-expect-error
defineConfig({ drivers: { notes: { driver: 'sqlite', path: { variable: 'X' } } } })
// @ts-expect-error
defineConfig({ targets: { node: { options: { trustProxy: 'yes' } } } })
// @ts-expect-error
defineConfig({ targets: { node: { options: { trustProxy: { env: 'PROXY' } } } } })
// @ts-expect-error
defineConfig({ targets: { lambda: { options: { event: 'function-url' } } } })

// A table holds each option of its type, and nothing else.
interface Some {
  url?: string
  timeout?: number
  mode?: 'a' | 'b'
}
void ({ url: 'string', timeout: { number: 'seconds' }, mode: ['a', 'b'] } satisfies OptionTable<Some>)
// @ts-expect-error
void ({ url: 'string', timeout: { number: 'seconds' } } satisfies OptionTable<Some>)
void ({
  url: 'string',
  timeout: { number: 'seconds' },
  mode: ['a', 'b'],
  // @ts-expect-error
  more: 'string',
} satisfies OptionTable<Some>)
// @ts-expect-error
void ({ url: 'boolean', timeout: { number: 'seconds' }, mode: ['a', 'b'] } satisfies OptionTable<Some>)
// @ts-expect-error
void ({ url: 'string', timeout: { number: 'seconds' }, mode: ['a', 'c'] } satisfies OptionTable<Some>)

// The maps have every driver and target that unmoor ships. What a choice may be is written twice where the
// other place is of Node.
check<Equal<Exclude<keyof Targets, 'bun' | 'deno'>, 'node' | 'cloudflare' | 'lambda' | 'isolate'>>()
check<'redis' | 'sqlite' | 'postgres' | 'http' | 's3' extends keyof Drivers ? true : false>()
check<Equal<NonNullable<LambdaOptions['event']>, HttpEventKind>>()
check<Equal<NonNullable<LambdaOptions['invokeMode']>, InvokeMode>>()
check<Equal<NonNullable<LambdaOptions['runtime']>, (typeof RUNTIMES)[number]>>()
void [isolateOptions, lambdaOptions]

defineConfig({ targets: { node: { deploy: { host: 'a', restart: 'b', keep: 3, smoke: ['/'] } } } })
// @ts-expect-error a misspelled option of a deploy
defineConfig({ targets: { node: { deploy: { hots: 'a' } } } })
// @ts-expect-error an option of another target's deploys
defineConfig({ targets: { cloudflare: { deploy: { restart: 'b' } } } })
