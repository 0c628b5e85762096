/** `unmoor/testing`: runs the built app on its target, for the app's own tests. */
// The declarations of `unmoor/testing` use `Symbol.asyncDispose`, which a project with an older TypeScript
// target lacks, so a reference directive adds it.
/// <reference lib="esnext.disposable" preserve="true" />
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LocalRuntime, Log } from '../../adapter.ts'
import type { App } from '../../app.ts'
import type { Bindings, Env, QueueNames } from '../../bindings/declarations.ts'
import { buildApp } from '../build/build.ts'
import { explainMissingPackage } from '../build/packages.ts'
import { collectVariables } from '../build/variables.ts'
import type { AnyConfig } from '../../config.ts'
import { UnmoorError } from '../../errors.ts'
import type { Manifest } from '../../manifest.ts'
import { readDevVariables } from '../build/worker/worker.ts'
import { createChannelClient, type ChannelClient, type QueueDepth } from '../../runtime/test-channel.ts'

export type { QueueDepth }

/** Options of {@link startApp}, which runs an app for its tests; every one is optional. */
export interface StartAppOptions {
  /** Folder of the project whose app is started. Default: the working directory. */
  projectDir?: string
  /**
   * Target to run the app on. Default: the environment's `UNMOOR_TARGET` (which `unmoor test` sets), else
   * `node`.
   */
  target?: string
  /** Config of the app under test in place of the project's unmoor.config.ts. */
  config?: AnyConfig
  /**
   * Wrangler file of an existing Worker to run in place of an app, relative to the project. Default: the
   * environment's `UNMOOR_WORKER` (which `unmoor test --worker` sets), else that of the config.
   */
  worker?: NonNullable<AnyConfig['worker']>
  /**
   * Environment in which the tested app runs: one of the config, or of the Worker's wrangler file. No env
   * file is read. Default: the environment variable `UNMOOR_ENV` (which `unmoor test --env` sets), else none.
   */
  environment?: string
  /** Values of variables and secrets by their platform names, such as `{ ADMIN_TOKEN: 'x' }`. */
  variables?: Readonly<Record<string, string>>
  /**
   * If not false, the app's drivers behave like the strictest target: kv reads miss recent writes, messages
   * come late, twice and in any order, cache entries vanish. A number is the random seed; `true` picks a seed
   * and prints it. Default: false.
   */
  strict?: boolean | number
  /** Called with each line that the app's runtime prints. Default: lines are dropped. */
  onOutput?: (line: string) => void
  /** Called with each warning of the app's build and the adapter. Default: console.warn. */
  onWarning?: (message: string) => void
}

/** Options of {@link TestQueue.drained}, which waits until a queue of the tested app is empty. */
export interface DrainedOptions {
  /** Seconds to wait for the queue to drain; fractions are fine. Default: 10. */
  timeout?: number
  /** Milliseconds to wait for the queue to drain. @deprecated Since 0.2: use `timeout`, in seconds. */
  timeoutMs?: number
}

/** Test access to a queue of the running app. */
export interface TestQueue {
  /**
   * Resolves when no message of the queue is waiting, delayed or being handled.
   *
   * @throws `Timeout` after `timeout` seconds (default 10), naming the remaining messages; `Unsupported` if
   * the target cannot count messages.
   */
  drained(options?: DrainedOptions): Promise<void>
  /** Returns the queue's numbers of messages that are waiting, delayed, and delivered but not settled. */
  depth(): Promise<QueueDepth>
}

/** Test access to a cron of the running app. */
export interface TestCron {
  /**
   * Runs the cron's handler now and waits for its end. `scheduledTime` (milliseconds since 1970, or a Date)
   * defaults to now.
   *
   * @throws the error that the handler throws.
   */
  run(options?: { scheduledTime?: number | Date }): Promise<void>
}

/** Test access to the queues of an app by name. Without the app's type, any name is allowed. */
export type TestQueues<A> =
  A extends App<infer B>
    ? string extends keyof B
      ? Readonly<Record<string, TestQueue>>
      : { readonly [Name in QueueNames<B>]: TestQueue }
    : Readonly<Record<string, TestQueue>>

/** Test access to the crons of an app by name. Without the app's type, any name is allowed. */
export type TestCrons<A> = Readonly<Record<A extends App<Bindings, infer Name> ? Name : string, TestCron>>

/** Type of an app's env in a test. Without the app's type, its bindings are untyped. */
export type TestEnv<A> =
  A extends App<infer B>
    ? string extends keyof B
      ? Readonly<Record<string, unknown>>
      : Env<B>
    : Readonly<Record<string, unknown>>

/** An app that runs on its target for a test. */
export interface TestApp<A = App> {
  /** Origin of the running app under test, such as `http://127.0.0.1:40001`. */
  readonly url: string
  readonly target: string
  /** Name and version of the app's runtime, such as `workerd 1.20260730.1`. */
  readonly runtime: string
  readonly manifest: Manifest
  /**
   * Calls the global `fetch` with a path of the tested app; redirects are not followed unless `init` says so.
   */
  fetch(path: string | URL, init?: RequestInit): Promise<Response>
  /** Test access to the app's queues, by name. */
  readonly queues: TestQueues<A>
  /** Test access to the app's crons, by name. */
  readonly crons: TestCrons<A>
  /** The tested app's env; its calls run on the bindings of the running app. */
  readonly env: TestEnv<A>
  /** Stops the tested app and removes its data. A second call waits for the first. */
  stop(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Builds the project's app for a target, starts it on that target's real runtime with empty data, and returns
 * access to it. With the app's type (`startApp<typeof app>()`), env and queues are typed.
 *
 * @throws the errors of the build; `NotFound` for a missing secret or variable; `Unavailable` if the runtime
 * does not start.
 *
 * @example
 * ```ts
 * import { startApp } from 'unmoor/testing'
 * import type app from '../src/app.ts'
 *
 * const t = await startApp<typeof app>({ variables: { ADMIN_TOKEN: 'x' } })
 * await t.fetch('/docs')
 * await t.queues.clicks.drained()
 * await t.crons.cleanup.run({ scheduledTime: Date.UTC(2026, 5, 30) })
 * console.log(await t.env.links.get('docs'))
 * await t.stop()
 * ```
 */
export async function startApp<A = App>(options: StartAppOptions = {}): Promise<TestApp<A>> {
  const target = options.target ?? process.env['UNMOOR_TARGET'] ?? 'node'
  const named = options.worker ?? namedWorker()
  const environment = options.environment ?? (process.env['UNMOOR_ENV'] || undefined)
  const log: Log = { info() {}, warn: options.onWarning ?? ((message) => console.warn(message)) }
  const strict =
    options.strict === true
      ? Math.floor(Math.random() * 1_000_000)
      : options.strict === false
        ? undefined
        : options.strict
  if (strict !== undefined) console.info(`strict: seed ${strict}`)
  const dir = await mkdtemp(join(tmpdir(), 'unmoor-test-'))
  const remove = (): Promise<void> => rm(dir, { recursive: true, force: true, maxRetries: 3 })
  let runtime: LocalRuntime | undefined
  try {
    const { outDir, info, adapter, project } = await buildApp({
      projectDir: options.projectDir ?? process.cwd(),
      target,
      // The artifact of a tested app has a folder of its own, since test files run concurrently.
      outDir: join(dir, 'artifact'),
      config: options.config,
      worker: named,
      environment,
      testChannel: true,
      strict,
      log,
    })
    const token = randomBytes(24).toString('hex')
    const ofWorker = environment ?? (typeof named === 'object' ? named.env : undefined)
    const devVars = project.worker === undefined ? {} : await readDevVariables(project.worker.dir, ofWorker)
    const variables = { ...collectVariables(info, devVars, process.env), ...options.variables }
    runtime = await adapter
      .start({
        dir: outDir,
        info,
        dataDir: join(dir, 'data'),
        port: 0,
        variables,
        testToken: token,
        onOutput: options.onOutput,
        log,
      })
      .catch((error: unknown) => {
        throw explainMissingPackage(error, `The target "${target}"`)
      })
    const channel = createChannelClient(runtime.url, token)
    const env = await channel.env(info.manifest)
    return createTestApp<A>({ target, runtime, channel, env, manifest: info.manifest, remove })
  } catch (error) {
    await runtime?.stop()
    await remove()
    throw error
  }
}

/** Returns the Worker that `unmoor test --worker` passed in UNMOOR_WORKER. */
function namedWorker(): StartAppOptions['worker'] {
  const text = process.env['UNMOOR_WORKER']
  return text === undefined || text === '' ? undefined : (JSON.parse(text) as StartAppOptions['worker'])
}

interface Parts {
  target: string
  runtime: LocalRuntime
  channel: ChannelClient
  env: Record<string, unknown>
  manifest: Manifest
  readonly remove: () => Promise<void>
}

function createTestApp<A>({ target, runtime, channel, env, manifest, remove }: Parts): TestApp<A> {
  const end = async (): Promise<void> => {
    await runtime.stop()
    await remove()
  }
  let stopped: Promise<void> | undefined
  // A test may stop the app twice: in the test itself, and in its `afterAll` again.
  const stop = (): Promise<void> => (stopped ??= end())
  const queues = Object.entries(manifest.bindings).flatMap(([name, { kind }]) =>
    kind === 'queue' ? [[name, testQueue(name, channel)] as const] : [],
  )
  return {
    url: runtime.url,
    target,
    runtime: runtime.runtime,
    manifest,
    fetch: (path, init) => fetch(new URL(path, runtime.url), { redirect: 'manual', ...init }),
    // The casts to `TestApp` are safe: the manifest was read from the app, so it has the names that the app's
    // type has.
    queues: Object.fromEntries(queues) as TestApp<A>['queues'],
    crons: Object.fromEntries(
      Object.keys(manifest.crons).map((name) => [name, testCron(name, channel, runtime)]),
    ) as TestApp<A>['crons'],
    env: env as TestApp<A>['env'],
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

function testQueue(name: string, channel: ChannelClient): TestQueue {
  const depth = async (): Promise<QueueDepth> =>
    (await channel.call({ op: 'depth', queue: name })) as QueueDepth
  return {
    depth,
    async drained({ timeoutMs = 10_000, timeout = timeoutMs / 1000 } = {}) {
      const deadline = Date.now() + timeout * 1000
      for (let pause = 5; ; pause = Math.min(pause * 2, 100)) {
        const { ready, delayed, leased } = await depth()
        if (ready + delayed + leased === 0) return
        if (Date.now() >= deadline) {
          throw new UnmoorError(
            'Timeout',
            `Queue "${name}" was not drained within ${timeout} s: ${ready} messages are waiting, ` +
              `${delayed} delayed, ${leased} being handled.`,
            { binding: name, operation: 'drained', retryable: false },
          )
        }
        await new Promise((resolve) => setTimeout(resolve, pause))
      }
    },
  }
}

function testCron(name: string, channel: ChannelClient, runtime: LocalRuntime): TestCron {
  return {
    async run({ scheduledTime = Date.now() } = {}) {
      const time = Number(scheduledTime)
      if (runtime.runCron === undefined) await channel.call({ op: 'cron', name, scheduledTime: time })
      else await runtime.runCron(name, time)
    },
  }
}
