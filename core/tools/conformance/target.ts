/** Builds the fixture app for a target and starts it, or reaches one that is deployed. Runs on Node. */
import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Adapter, LocalRuntime, Log } from '../../adapter.ts'
import { loadAdapter } from '../build/adapters.ts'
import { buildApp, type BuiltApp } from '../build/build.ts'
import type { App } from '../../app.ts'
import type { Capabilities } from '../../capabilities.ts'
import type { AnyConfig } from '../../config.ts'
import { UnmoorError } from '../../errors.ts'
import { createManifest, type Manifest } from '../../manifest.ts'
import { createChannelClient } from '../../runtime/test-channel.ts'
import { createFixture } from './fixture/app.ts'
import { createSocketsFixture, type FixtureSockets } from './fixture/app-sockets.ts'
import { FILES, VARIABLES, WASM } from './fixture/project.ts'
import { startUpstream } from './upstream.ts'

/** A target that answers, with what the cases need of it. */
export interface RunningTarget {
  readonly target: string
  readonly url: string
  readonly token: string
  /** Origin of what the app fetches from. Default: there is none. */
  readonly upstream?: string | undefined
  /** As `LocalRuntime.socketUrls`. */
  readonly socketUrls?: Readonly<Record<string, string>> | undefined
  /** What the runtime says of itself. */
  readonly runtime: string
  readonly manifest: Manifest
  readonly capabilities: Capabilities
  /** The last lines that the runtime printed. */
  output(): readonly string[]
  /** Resolves with the exit code if it ends by itself; undefined where that cannot be seen. */
  readonly exited: Promise<number | null> | undefined
  runCron(name: string, scheduledTime: number): Promise<void>
  /** Builds an app for the target, from the source of its entry. */
  build(source: string): Promise<void>
  /** Starts the same artifact once more. Default: it cannot be. */
  readonly startOwn?: (() => Promise<StartedAgain>) | undefined
  stop(): Promise<void>
}

/** A second start. */
export interface StartedAgain extends Pick<RunningTarget, 'socketUrls'> {
  readonly url: string
  output(): readonly string[]
  stop(): Promise<void>
}

/**
 * The fixture's config. On Lambda some cases wait for a queue longer than the default timeout, and call the
 * app from within the app.
 */
const CONFIG: AnyConfig = {
  name: 'conformance',
  entry: './app.mjs',
  targets: {
    lambda: { options: { timeout: 60, maxEnvironments: 16 } },
    // How long an app may start and compute is for tests of these limits. Here they would blame the machine:
    // CPU time too grows where cores are shared, and a case holds 25 MiB.
    // Its fetch reaches no address of this machine that is not named.
    isolate: {
      options: {
        startupTimeout: 60,
        wallTimeout: 60,
        cpuMs: 20_000,
        outbound: { allow: ['127.0.0.1'] },
      },
    },
    node: { options: { wallTimeout: 60 } },
    cloudflare: {
      options: {
        variables: { padded: VARIABLES['PADDED'], unicode: VARIABLES['UNICODE'], empty: VARIABLES['EMPTY'] },
      },
    },
  },
}

const KEPT_LINES = 60

/**
 * Writes the fixture's project into a fresh folder: what is no module of this package, and an entry that
 * imports the rest.
 */
async function writeProject(adapter: Adapter): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'unmoor-conformance-'))
  const own = fileURLToPath(import.meta.url)
  const sockets = socketsOf(adapter)
  const [module, create, rest] =
    sockets === undefined
      ? ['app', 'createFixture', '']
      : ['app-sockets', 'createSocketsFixture', `, ${JSON.stringify(sockets)}`]
  const fixture = join(dirname(own), 'fixture', `${module}${extname(own)}`)
  const entry =
    `import wasm from './add.wasm'\nimport { ${create} } from ` +
    `${JSON.stringify(fixture)}\nexport default ${create}(wasm${rest})\n`
  await writeFiles(dir, { ...FILES, 'app.mjs': entry, 'package.json': '{"type":"module"}\n' })
  return dir
}

/** The app that is built for that target. */
function fixtureFor(adapter: Adapter): App {
  const wasm = new WebAssembly.Module(WASM)
  const sockets = socketsOf(adapter)
  // Either is an app; as one type their bindings differ.
  return sockets === undefined ? (createFixture(wasm) as App) : (createSocketsFixture(wasm, sockets) as App)
}

/** What the fixture declares of sockets; undefined for a target that has none. */
function socketsOf({ capabilities }: Adapter): FixtureSockets | undefined {
  if (!capabilities.sockets) return undefined
  return { binary: capabilities['sockets.binary'], largeMessages: capabilities['sockets.largeMessages'] }
}

async function writeFiles(dir: string, files: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(dir, path)), { recursive: true })
    await writeFile(join(dir, path), content)
  }
}

/** Gives the build of apps for one target; apps of the same source are built once. */
function builder(target: string, adapter: Adapter): RunningTarget['build'] {
  const built = new Map<string, Promise<void>>()
  const build = async (source: string): Promise<void> => {
    const projectDir = await mkdtemp(join(tmpdir(), 'unmoor-conformance-'))
    try {
      await writeFiles(projectDir, { 'app.mjs': source, 'package.json': '{"type":"module"}\n' })
      await buildApp({ target, adapter, projectDir, config: { name: 'twin', entry: './app.mjs' } })
    } finally {
      await rm(projectDir, { recursive: true, force: true, maxRetries: 5 })
    }
  }
  return (source) => {
    const known = built.get(source) ?? build(source)
    built.set(source, known)
    return known
  }
}

/** Builds the fixture app, with the test channel, into `outDir` or a folder of the temporary project. */
async function buildFixture(
  projectDir: string,
  options: Omit<TargetOptions, 'variables'> & { outDir?: string | undefined },
): Promise<BuiltApp> {
  const { drivers, targetOptions, ...rest } = options
  const own = CONFIG.targets?.[options.target]
  const targets = {
    ...CONFIG.targets,
    [options.target]: { ...own, options: { ...own?.options, ...targetOptions } },
  }
  const config = {
    ...CONFIG,
    ...(drivers === undefined ? {} : { drivers }),
    ...(targetOptions === undefined ? {} : { targets }),
  }
  return buildApp({ ...rest, projectDir, config, testChannel: true })
}

/**
 * Builds the fixture app for deployment, to be tested by its URL. Returns the variables to set beside
 * CONFORMANCE_TOKEN and UNMOOR_TEST_TOKEN.
 */
export async function buildForDeployment(
  target: string,
  outDir: string,
  log: Log,
  adapter?: Adapter,
): Promise<Readonly<Record<string, string>>> {
  const projectDir = await writeProject(adapter ?? (await loadAdapter(target, process.cwd())))
  try {
    await buildFixture(projectDir, { target, adapter, outDir, log })
    return VARIABLES
  } finally {
    await rm(projectDir, { recursive: true, force: true })
  }
}

/** How {@link startTarget} starts. */
export interface TargetOptions {
  target: string
  adapter?: Adapter | undefined
  /** Drivers in place of the target's own, by binding. */
  drivers?: AnyConfig['drivers']
  /** The target's own options (`targets.NAME.options` of a config), over the fixture's. */
  targetOptions?: Readonly<Record<string, unknown>> | undefined
  /** What those drivers need to know. */
  variables?: Readonly<Record<string, string>> | undefined
  log: Log
}

/**
 * Builds the fixture app and starts it on the target's real runtime, with a token of its own and fresh data.
 */
export async function startTarget(options: TargetOptions): Promise<RunningTarget> {
  const adapter = options.adapter ?? (await loadAdapter(options.target, process.cwd()))
  const projectDir = await writeProject(adapter)
  const token = randomUUID()
  const upstream = await startUpstream()
  const cleanUp = async (): Promise<void> => {
    await upstream.stop()
    await rm(projectDir, { recursive: true, force: true, maxRetries: 5 })
  }
  let starts = 0
  const start = async ({ adapter: target, outDir, info }: BuiltApp): Promise<Started> => {
    const lines: string[] = []
    const runtime = await target.start({
      dir: outDir,
      info,
      dataDir: join(projectDir, `data${starts++ || ''}`),
      port: 0,
      variables: { ...options.variables, ...VARIABLES, CONFORMANCE_TOKEN: token },
      testToken: token,
      onOutput: (line) => {
        lines.push(line)
        if (lines.length > KEPT_LINES) lines.shift()
      },
      log: options.log,
    })
    return { runtime, lines }
  }
  let started: Started
  let built: BuiltApp
  try {
    const { variables: _, ...fixture } = options
    built = await buildFixture(projectDir, fixture)
    started = await start(built)
  } catch (error) {
    await cleanUp()
    throw error
  }
  const { runtime, lines } = started
  let stopping = false
  return {
    target: built.target,
    url: runtime.url,
    token,
    upstream: upstream.url,
    socketUrls: runtime.socketUrls,
    runtime: runtime.runtime,
    manifest: built.info.manifest,
    capabilities: runtime.capabilities ?? built.adapter.capabilities,
    output: () => lines,
    exited: runtime.exited.then((code) => (stopping ? new Promise<never>(() => {}) : code)),
    runCron: (name, scheduledTime) =>
      runtime.runCron === undefined
        ? runCron(runtime.url, token, name, scheduledTime)
        : runtime.runCron(name, scheduledTime),
    build: builder(options.target, adapter),
    async startOwn() {
      const again = await start(built)
      const { url, socketUrls } = again.runtime
      return { url, socketUrls, output: () => again.lines, stop: () => again.runtime.stop() }
    },
    async stop() {
      stopping = true
      await runtime.stop()
      await cleanUp()
    },
  }
}

interface Started {
  runtime: LocalRuntime
  lines: string[]
}

/**
 * A deployment of the fixture app that was built with the test channel and started with `token` as
 * CONFORMANCE_TOKEN and UNMOOR_TEST_TOKEN.
 */
export async function reachTarget(options: {
  target: string
  adapter?: Adapter | undefined
  url: string
  token: string
  upstream?: string | undefined
}): Promise<RunningTarget> {
  const { target, token } = options
  const url = new URL(options.url).origin
  const adapter = options.adapter ?? (await loadAdapter(target, process.cwd()))
  const answer = await fetch(new URL('/do/runtime', url), {
    headers: { 'x-conformance-token': token },
  }).catch((cause: unknown) => {
    throw new UnmoorError('Unavailable', `${url} does not answer. Is the fixture app deployed there?`, {
      operation: 'conformance',
      cause,
    })
  })
  if (answer.status !== 200) {
    throw new UnmoorError(
      'PermissionDenied',
      `${url} answered ${answer.status}. Is the fixture app deployed there, and is --token its ` +
        'CONFORMANCE_TOKEN?',
      {
        operation: 'conformance',
      },
    )
  }
  return {
    target,
    url,
    token,
    upstream: options.upstream === undefined ? undefined : new URL(options.upstream).origin,
    runtime: await answer.text(),
    manifest: createManifest('conformance', fixtureFor(adapter)),
    capabilities: adapter.capabilities,
    output: () => [],
    exited: undefined,
    runCron: (name, scheduledTime) => runCron(url, token, name, scheduledTime),
    build: builder(target, adapter),
    async stop() {},
  }
}

async function runCron(url: string, token: string, name: string, scheduledTime: number): Promise<void> {
  await createChannelClient(url, token).call({ op: 'cron', name, scheduledTime })
}
