/**
 * What a config in JavaScript says wrong is refused at the build, with its place and the nearest right word.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import cloudflare from '../../adapters/cloudflare/index.ts'
import isolate from '../../adapters/isolate/index.ts'
import lambda from '../../adapters/lambda/index.ts'
import node from '../../adapters/node/index.ts'
import type { Adapter } from '../../core/adapter.ts'
import { checkConfig } from '../../core/tools/build/config-check.ts'
import { buildApp } from '../../core/tools/build/build.ts'
import { loadConfig } from '../../core/tools/build/project.ts'
import { nearestWord } from '../../core/option-table.ts'
import { appSource, bareAdapter, checkout, tempProject } from './temp-project.ts'

const BINDINGS = `stats: unmoor.kv(), strong: unmoor.kv({ consistency: 'strong' }), db: unmoor.sql(), pictures: unmoor.blob(), jobs: unmoor.queue(), pages: unmoor.cache(), api: unmoor.service(), token: unmoor.secret({ optional: true })`

/** A driver outside of the package that states its options, and one that does not. */
const DRIVERS = {
  'mine.ts': `export interface Options { url?: string; depth?: number; mode?: 'a' | 'b' }
    export const options = { kv: { url: 'string', depth: { number: 'levels', min: 1, whole: true }, mode: ['a', 'b'] } } satisfies Record<string, object>
    export const kv = (options: Options) => { throw new Error(JSON.stringify(options)) }`,
  'silent.mjs': 'export const kv = () => ({})',
}

const defaults = {
  kv: { driver: 'memory' },
  sql: { driver: 'sqlite' },
  blob: { driver: 'fs' },
  queue: { driver: 'memory' },
  cache: { driver: 'memory' },
  service: { driver: 'http' },
  secret: { driver: 'env' },
}

/** Builds with the config as a JavaScript file says it. */
async function build(
  config: object,
  adapter: Adapter = bareAdapter({ defaultDrivers: defaults }),
  bindings = BINDINGS,
): Promise<{ drivers: object; options: object; warnings: string[] }> {
  await using project = await tempProject({
    'src/app.ts': appSource({ bindings }),
    'unmoor.config.js': `export default ${JSON.stringify(config)}`,
    ...DRIVERS,
  })
  const warnings: string[] = []
  const log = { info() {}, warn: (message: string) => void warnings.push(message) }
  const { info } = await buildApp({
    projectDir: project.dir,
    target: adapter.name,
    adapter: { ...adapter, async build() {} },
    log,
  })
  return { drivers: info.drivers, options: info.options, warnings }
}

const at = (stats: object | string): object => ({
  targets: { bare: { adapter: './bare.js', drivers: { stats } } },
})
const refused = (message: RegExp): object => ({
  code: 'InvalidArgument',
  operation: 'config',
  message: expect.stringMatching(message),
})

describe('a build refuses', () => {
  test.each<[string, object, RegExp]>([
    [
      'a misspelled driver',
      at('rediss'),
      /^unmoor\.config\.ts: targets\.bare\.drivers\.stats: there is no driver "rediss"\. Did you mean "redis"\? Drivers for "bare"/,
    ],
    [
      'a misspelled driver with options',
      { drivers: { db: { driver: 'postgress' } } },
      /drivers\.db: there is no driver "postgress"\. Did you mean "postgres"\?/,
    ],
    [
      'a misspelled option',
      at({ driver: 'redis', timout: 3 }),
      /targets\.bare\.drivers\.stats\.timout: the driver "redis" has no such option\. Did you mean "timeout"\? It has: url, prefix/,
    ],
    [
      'a misspelled option of a driver for all targets',
      { drivers: { api: { driver: 'http', ulr: 'http://a' } } },
      /: drivers\.api\.ulr: .*Did you mean "url"\?/,
    ],
    [
      'a misspelled binding',
      { drivers: { stat: 'memory' } },
      /drivers\.stat: the app declares no binding "stat"\. Did you mean "stats"\?/,
    ],
    [
      'an option of another kind',
      at({ driver: 'redis', durability: 'memory' }),
      /stats\.durability: the driver "redis" has no such option/,
    ],
    [
      'a misspelled option within an option',
      { drivers: { pictures: { driver: 'postgres', bytes: { driver: 's3', buket: 'b' } } } },
      /drivers\.pictures\.bytes\.buket: .*Did you mean "bucket"\?/,
    ],
    [
      'a wrong choice',
      { drivers: { db: { driver: 'sqlite', synchronous: 'ful' } } },
      /drivers\.db\.synchronous is "ful"; it takes "full" or "normal"\. Did you mean "full"\?/,
    ],
    [
      'a text for a number',
      at({ driver: 'redis', timeout: '3 s' }),
      /stats\.timeout is "3 s"; it takes a number of seconds/,
    ],
    ['a number for a text', at({ driver: 'redis', url: 6379 }), /stats\.url is 6379; it takes a text/],
    [
      'a text for a flag',
      { drivers: { pictures: { driver: 'fs', durable: 'yes' } } },
      /pictures\.durable is "yes"; it takes true or false/,
    ],
    [
      'a number out of range',
      { drivers: { stats: { driver: 'dynamodb', shards: 65 } } },
      /stats\.shards is 65; it takes a whole number of partitions from 1 to 64/,
    ],
    [
      'milliseconds of http',
      { drivers: { api: { driver: 'http', timeout: 10_000 } } },
      /drivers\.api\.timeout is 10000: seconds since 0\.2; did you mean 10\?/,
    ],
    [
      'milliseconds of an AWS driver',
      { drivers: { stats: { driver: 'dynamodb', timeout: 2500 } } },
      /stats\.timeout is 2500: seconds since 0\.2; did you mean 2\.5\?/,
    ],
    [
      'milliseconds of sqlite',
      { drivers: { db: { driver: 'sqlite', busyTimeout: 5000 } } },
      /db\.busyTimeout is 5000: seconds since 0\.2; did you mean 5\?/,
    ],
    [
      'milliseconds of a driver that was always in seconds',
      at({ driver: 'redis', timeout: 3000 }),
      /stats\.timeout is 3000: it is in seconds, at most 900; did you mean 3\?/,
    ],
    [
      'milliseconds of the bytes of blobs',
      { drivers: { pictures: { driver: 'postgres', bytes: { driver: 's3', timeout: 10_000 } } } },
      /pictures\.bytes\.timeout is 10000: seconds since 0\.2; did you mean 10\?/,
    ],
    [
      'a time-out of nothing',
      { drivers: { api: { driver: 'http', timeout: 0 } } },
      /api\.timeout is 0; it takes a number of seconds from 0\.001 to 900/,
    ],
    [
      "a misspelled option of another one's driver",
      at({ driver: './mine.ts', dept: 2 }),
      /stats\.dept: the driver "\.\/mine\.ts" has no such option\. Did you mean "depth"\? It has: url, depth, mode/,
    ],
    [
      "a wrong value for another one's driver",
      at({ driver: './mine.ts', mode: 'c' }),
      /stats\.mode is "c"; it takes "a" or "b"/,
    ],
  ])('%s', async (_what, config, message) => {
    await expect(build(config)).rejects.toMatchObject(refused(message))
  })

  test.each<[string, object, Adapter, RegExp]>([
    [
      'a misspelled option of a target',
      { trustProxi: true },
      node,
      /targets\.node\.options\.trustProxi: the target "node" has no such option\. Did you mean "trustProxy"\?/,
    ],
    [
      'a wrong type',
      { trustProxy: 'yes' },
      node,
      /targets\.node\.options\.trustProxy is "yes"; it takes true, false, a number of proxies or/,
    ],
    [
      'a wrong unit',
      { timeout: 30_000 },
      lambda,
      /targets\.lambda\.options\.timeout is 30000: it is in seconds, at most 900; did you mean 30\?/,
    ],
    [
      'a wrong choice',
      { event: 'urll' },
      lambda,
      /targets\.lambda\.options\.event is "urll"; it takes "url" or .*Did you mean "url"\?/,
    ],
    [
      'an old name beside its new one',
      { stopSeconds: 3, stopTimeout: 4 },
      node,
      /options\.stopSeconds is an old name of stopTimeout, which is set too\. Remove stopSeconds\./,
    ],
    [
      'a time-out that stops at a day',
      { stopTimeout: 90_000 },
      node,
      /stopTimeout is 90000: it is in seconds, at most 86400; did you mean 90\?/,
    ],
  ])('%s', async (_what, options, adapter, message) => {
    await expect(build({ targets: { [adapter.name]: { options } } }, adapter)).rejects.toMatchObject(
      refused(message),
    )
  })

  test('misspelled keys and targets, before anything is built', async () => {
    expect(() => checkConfig({ targts: {} }, 'unmoor.config.js')).toThrow(
      /"targts" is no key of a config\. Did you mean "targets"\?/,
    )
    expect(() => checkConfig({ targets: { node: { option: {} } } }, 'unmoor.config.js')).toThrow(
      /"targets\.node\.option" is no key.*Did you mean "options"\?/,
    )
    await using project = await tempProject({
      'src/app.ts': appSource(),
      'unmoor.config.js': 'export default { targets: { lamda: {} } }',
    })
    await expect(loadConfig(project.dir)).rejects.toMatchObject(
      refused(/targets\.lamda: there is no such target\. Did you mean "lambda"\?/),
    )
  })
})

describe('a build takes', () => {
  test('right options, variables in place of values, and drivers that state nothing', async () => {
    const drivers = {
      stats: {
        driver: 'redis',
        url: { env: 'CACHE_URL' },
        timeout: { env: 'CACHE_TIMEOUT' },
        connectTimeout: 0.5,
      },
      strong: { driver: 'sqlite', busyTimeout: 0 },
      db: { driver: 'postgres', max: 4, idleTimeout: 3600 },
      pictures: { driver: 'postgres', bytes: { driver: 's3', bucket: { env: 'BUCKET' }, timeout: 0.5 } },
      jobs: { driver: 'redis', durability: 'memory' },
      pages: { driver: 'memory', maxBytes: 1000 },
      api: { driver: 'http', timeout: 120 },
      token: { driver: 'ssm', ttl: 86_400 },
    }
    expect(await build({ drivers })).toEqual({ drivers, options: {}, warnings: [] })
    const own = { stats: { driver: './silent.mjs', anything: [1] }, strong: 'memory' }
    expect(await build({ drivers: own })).toMatchObject({ drivers: { stats: own.stats }, warnings: [] })
    expect(await build(at({ driver: './mine.ts', depth: 2, mode: 'a', url: { env: 'A' } }))).toMatchObject({
      warnings: [],
    })
  })

  test('a long time-out of a driver that was in milliseconds, with a warning', async () => {
    const { warnings, drivers } = await build({
      drivers: { api: { driver: 'http', timeout: 500 }, stats: { driver: 'dynamodb', timeout: 121 } },
    })
    expect(drivers).toMatchObject({ api: { timeout: 500 }, stats: { timeout: 121 } })
    expect(warnings).toEqual([
      expect.stringMatching(
        /drivers\.stats\.timeout is 121 seconds .*milliseconds before 0\.2.* Did you mean 0\.121\?/,
      ),
      expect.stringMatching(/drivers\.api\.timeout is 500 seconds .* Did you mean 0\.5\?/),
    ])
  })

  test('old names of options, with a warning, under their new names', async () => {
    const old = { stopSeconds: 3, cronLeaseSeconds: 20 }
    const { options, warnings } = await build({ targets: { node: { options: old } } }, node)
    expect(options).toEqual({ stopTimeout: 3, cronLease: 20 })
    const isolated = await build(
      { targets: { isolate: { options: { startupMs: 1500, wallSeconds: 2 } } } },
      isolate,
    )
    expect(isolated.options).toEqual({ startupTimeout: 1.5, wallTimeout: 2 })
    const ofDriver = await build({ drivers: { stats: { driver: 'dynamodb', namespace: 'a' } } })
    expect(ofDriver.drivers).toMatchObject({ stats: { driver: 'dynamodb', prefix: 'a' } })
    expect(ofDriver.warnings).toEqual([
      expect.stringContaining('drivers.stats.namespace is called prefix now'),
    ])
    expect(warnings).toEqual([
      expect.stringContaining('stopSeconds is called stopTimeout now'),
      expect.stringContaining('write cronLease: 20'),
    ])
  })
})

test.each([
  ['timout', 'timeout'],
  ['tiemout', 'timeout'],
  ['Timeout', 'timeout'],
  ['url_', 'url'],
  ['something', undefined],
  ['x', undefined],
])('the nearest word to %s is %s', (word, nearest) => {
  expect(nearestWord(word, ['url', 'timeout', 'connectTimeout', 'prefix'])).toBe(nearest)
})

describe('the drivers that a target names', () => {
  test.each([node, cloudflare, lambda, isolate].map((adapter) => [adapter.name, adapter] as const))(
    '%s: a typed config may name each, and its options are checked',
    async (_name, { defaultDrivers, drivers = {}, driverOptions = {} }) => {
      const map = await readFile(join(checkout, 'adapters/config-maps.ts'), 'utf8')
      const typed = [...map.matchAll(/^ {4}'?([\w-]+)'?: \w/gm)].map((match) => match[1])
      const stated = async (driver: string): Promise<object | undefined> =>
        driverOptions[driver] ??
        ((await import(`../../adapters/drivers/${driver}/options.ts`)) as { options: object }).options
      for (const [kind, { driver }] of Object.entries(defaultDrivers)) {
        expect(typed).toContain(driver)
        expect([driver, Object.keys((await stated(driver)) ?? {})]).toEqual([
          driver,
          expect.arrayContaining([kind]),
        ])
      }
      for (const driver of Object.keys(drivers)) expect(typed).toContain(driver)
    },
  )

  test('lambda: a wrong option of api-gateway is refused, and a time-out is in seconds', async () => {
    const config = (chat: object): object => ({
      targets: { lambda: { drivers: { chat: { driver: 'api-gateway', ...chat } } } },
    })
    const sockets = `chat: unmoor.sockets({ path: '/chat', origins: ['https://a.test'] })`
    await expect(build(config({ tabel: 't' }), lambda, sockets)).rejects.toMatchObject(
      refused(/drivers\.chat.*tabel.*Did you mean "?table/),
    )
    await expect(build(config({ timeout: 10_000 }), lambda, sockets)).rejects.toMatchObject(
      refused(/drivers\.chat\.timeout is 10000: seconds since 0\.2|at most 900/),
    )
    const { drivers } = await build(config({ table: 't', timeout: 3 }), lambda, sockets)
    expect(drivers).toMatchObject({ chat: { driver: 'api-gateway', table: 't', timeout: 3 } })
  })
})
