/**
 * The function as an image in a real Docker engine, and under AWS's own client: where they are not there,
 * what is skipped is printed by name.
 */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildImage, docker as runDocker, hasDocker } from '../../adapters/lambda/build/docker.ts'
import { createLaunch, findRic } from '../../adapters/lambda/local/launch.ts'
import { createRuntimeApi } from '../../adapters/lambda/local/runtime-api.ts'
import { buildApp, type BuiltApp } from '../../core/tools/build/build.ts'
import type { LocalRuntime } from '../../core/adapter.ts'
import { reportText, runConformance } from '../../core/tools/conformance/index.ts'

const log = { info(): void {}, warn(): void {} }
const projectDir = resolve(import.meta.dirname, 'lambda-app')
const docker = await hasDocker()
if (!docker)
  console.warn(
    'skipped: "an image". No Docker engine answers: install docker.io, then dockerd --bridge none --iptables=false',
  )
let ric = true
try {
  findRic(projectDir)
} catch (error) {
  ric = false
  console.warn(`skipped: "aws-lambda-ric". ${(error as Error).message}`)
}

let dir: string
let built: BuiltApp
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'unmoor-lambda-'))
  built = await buildApp({ projectDir, target: 'lambda', outDir: join(dir, 'artifact') })
})
afterAll(() => rm(dir, { recursive: true, force: true }))

function start(runtime: string): Promise<LocalRuntime> {
  const info = { ...built.info, options: { ...built.info.options, runtime } }
  return built.adapter.start({
    dir: built.outDir,
    info,
    dataDir: join(dir, runtime),
    port: 0,
    variables: { API_KEY: 'open sesame' },
    log,
  })
}

async function answers(app: LocalRuntime): Promise<void> {
  const echoed = await fetch(`${app.url}/echo`, { method: 'POST', body: Uint8Array.of(0, 255, 7) })
  expect([...new Uint8Array(await echoed.arrayBuffer())]).toEqual([0, 255, 7])
  expect(await (await fetch(`${app.url}/stream`)).text()).toBe('firstlast')
}

/**
 * What a runtime or an image can make different: all but the bindings, which
 * `unmoor conformance --target lambda --runtime KIND` has too.
 */
async function conforms(runtime: string, client: string): Promise<void> {
  const report = await runConformance({
    target: 'lambda',
    targetOptions: { runtime, maxEnvironments: 12 },
    groups: ['handlers', 'runtime', 'cron', 'secrets', 'service', 'assets'],
  })
  const failed = report.cases.filter(({ outcome }) => outcome === 'failed').map(({ id }) => id)
  expect(failed, reportText(report)).toEqual([])
  expect(report.passed).toBeGreaterThanOrEqual(139)
  expect(report.runtime).toContain(client)
}

async function withLocalBase(work: () => Promise<void>): Promise<void> {
  const before = process.env['UNMOOR_LAMBDA_BASE']
  process.env['UNMOOR_LAMBDA_BASE'] = 'local'
  try {
    await work()
  } finally {
    if (before === undefined) delete process.env['UNMOOR_LAMBDA_BASE']
    else process.env['UNMOOR_LAMBDA_BASE'] = before
  }
}

describe.runIf(docker)('an image', () => {
  it('has the same app layer in every build, and nothing but Node.js beside it', async () => {
    const first = await buildImage(built.outDir, { base: 'local', cache: false })
    const second = await buildImage(built.outDir, { base: 'local', cache: false })
    expect(second.layers.at(-1)).toBe(first.layers.at(-1))
    expect(first.layers).toHaveLength(2)
  })

  it('answers without rights on a read-only file system, and leaves no container', async () => {
    await withLocalBase(async () => {
      const app = await start('container')
      try {
        await answers(app)
      } finally {
        await app.stop()
      }
    })
    expect((await runDocker(['ps', '--quiet', '--filter', 'name=unmoor-'])).trim()).toBe('')
  })

  it('that cannot be built is an error with advice, and the command ends', async () => {
    const main = resolve(import.meta.dirname, '../../dist/core/tools/cli/main.js')
    const args = [
      main,
      'start',
      '--project',
      projectDir,
      '--dir',
      built.outDir,
      '--data-dir',
      join(dir, 'unbuilt'),
      '--target',
      'lambda',
      '--runtime',
      'container',
      '--port',
      '0',
    ]
    const env = { ...process.env, API_KEY: 'x', UNMOOR_LAMBDA_BASE: 'unmoor.invalid/none:1' }
    const failed = await promisify(execFile)(process.execPath, args, { env, timeout: 60_000 }).then(
      () => undefined,
      (error: { code?: unknown; stderr: string }) => error,
    )
    expect(failed?.stderr).toContain('UNMOOR_LAMBDA_BASE names one that is here')
    expect(failed?.code).toBe(1)
  })

  it('passes the suite', () => withLocalBase(() => conforms('container', 'unmoor lambda bootstrap')))
})

describe.runIf(ric)('aws-lambda-ric', () => {
  it('runs the same handler', async () => {
    const app = await start('ric')
    try {
      expect(app.runtime).not.toContain('bootstrap')
      await answers(app)
    } finally {
      await app.stop()
    }
  })

  it('passes the suite, but for what is expected: AWS ends it for errors that nothing catches', () =>
    conforms('ric', 'AWS_Lambda'))
})

describe.runIf(docker && ric)(
  "AWS's base image, by one that stands in for it: it cannot be pulled here",
  () => {
    it("runs the handler under its own client, with the Dockerfile's target aws", async () => {
      const hello = await buildApp({
        projectDir: resolve(import.meta.dirname, '../bench/apps/lambda'),
        target: 'lambda',
        outDir: join(dir, 'hello'),
      })
      await buildImage(hello.outDir, { base: 'local' })
      await buildOnStandIn(hello.outDir)
      const variables = {
        UNMOOR_INVOKE_MODE: 'BUFFERED',
        // The platform's own, of the image's CMD.
        _HANDLER: 'index.handler',
        AWS_LAMBDA_FUNCTION_NAME: 'f',
        AWS_LAMBDA_FUNCTION_VERSION: '1',
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '512',
        AWS_LAMBDA_LOG_GROUP_NAME: 'g',
        AWS_LAMBDA_LOG_STREAM_NAME: 's',
      }
      const api = await createRuntimeApi()
      const { child, kill } = createLaunch('container', {
        dir: hello.outDir,
        image: 'unmoor-aws:test',
        variables,
      })(api.address)
      let printed = ''
      child.stderr?.on('data', (chunk: Buffer) => (printed += chunk.toString()))
      const ended = once(child, 'exit')
      void ended.then(() => api.fail(new Error(`The container ended: ${printed}`)))
      try {
        await api.started
        const domainName = 'x.lambda-url.eu-west-1.on.aws'
        const answer = await api.invoke({
          payload: JSON.stringify({
            rawPath: '/',
            headers: {},
            requestContext: { domainName, http: { method: 'GET' } },
          }),
          deadline: Date.now() + 10_000,
        }).response
        expect(answer).toMatchObject({
          kind: 'buffered',
          payload: expect.stringContaining('"body":"Hello, world!"'),
        })
        expect(api.userAgent).toContain('AWS_Lambda')
      } finally {
        kill()
        await ended
        await api.close()
      }
    })
  },
)

/** The artifact's image `unmoor-aws:test`, on one that is laid out as AWS's base image is. */
async function buildOnStandIn(artifact: string): Promise<void> {
  // As AWS's: Node.js, the client in /var/runtime, which the handler's name is an argument of.
  const lines = [
    `FROM unmoor-node:${process.version.slice(1)}`,
    'COPY . /var/runtime',
    'ENV LAMBDA_TASK_ROOT=/var/task',
    'WORKDIR /var/task',
    'ENTRYPOINT ["/usr/local/bin/node", "/var/runtime/index.mjs"]',
  ]
  const file = join(dir, 'Dockerfile.aws')
  await writeFile(file, lines.join('\n'))
  const base = 'unmoor-aws-base:test'
  const client = dirname(findRic(projectDir))
  await runDocker(['build', '--quiet', '--tag', base, '--file', file, client])
  const onBase = ['--network', 'none', '--target', 'aws', '--build-arg', `BASE=${base}`]
  await runDocker(['build', '--quiet', ...onBase, '--tag', 'unmoor-aws:test', artifact])
}
