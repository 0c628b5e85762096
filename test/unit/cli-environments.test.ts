import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runUnmoor, startUnmoor, unmoor, type CommandResult } from './cli-process.ts'
import { tempProject, type TempProject } from './temp-project.ts'

const urlIn = (line: string): string => /http:\/\/[\d.:]+/.exec(line)?.[0] ?? `no URL in ${line}`

const APP = `
import { defineApp, defineBindings, kv, secret, sql, variable } from 'unmoor'
export default defineApp({
  bindings: defineBindings({
    token: secret(), region: variable({ default: 'eu' }), links: kv(), db: sql({ migrations: 'migrations' }),
  }),
  async fetch(request, env) {
    if (request.method === 'PUT') await env.links.put('a', 'b')
    return Response.json([env.region, await env.token.get(), await env.links.get('a')])
  },
})
`
const TEST = `
import { startApp } from 'unmoor/testing'
import { expect, test } from 'vitest'
test('the app is that of the environment, and no env file is read', { timeout: 60_000 }, async () => {
  await using app = await startApp({ variables: { TOKEN: 'of the test' } })
  expect(app.manifest.name).toBe('shop-staging')
  expect(await (await app.fetch('/')).json()).toEqual(['us', 'of the test', null])
})
`

let project: TempProject
let run: (...args: string[]) => Promise<CommandResult>
beforeAll(async () => {
  project = await tempProject({
    'unmoor.config.ts': `import { defineConfig } from 'unmoor'
export default defineConfig({
  name: 'shop',
  environments: { staging: { variables: { region: 'us' } }, live: { drivers: { db: 'sqlite' } } },
})`,
    'src/app.ts': APP,
    'migrations/0001_a.sql': 'CREATE TABLE a (x INTEGER PRIMARY KEY);',
    'test/app.test.ts': TEST,
  })
  run = (...args) => runUnmoor([...args, '-C', project.dir], { cwd: project.dir })
})
afterAll(() => project[Symbol.asyncDispose]())

/** Starts the app, asks it once, and stops it. */
async function ask(args: string[], init?: RequestInit): Promise<unknown> {
  const { child, result, line } = startUnmoor([...args, '--target', 'node', '--port', '0'], {
    cwd: project.dir,
  })
  try {
    const url = urlIn(await line('Ctrl-C'))
    return await (await fetch(url, init)).json()
  } finally {
    child.kill('SIGINT')
    expect((await result).code).toBe(0)
  }
}

test('unmoor build, start, dev, migrate and data --env keep to the environment', async () => {
  expect(await run('build', '--target', 'node', '--env', 'staging')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('.unmoor/node.staging'),
  })
  expect(existsSync(join(project.dir, '.unmoor/node'))).toBe(false)
  const info = JSON.parse(
    await readFile(join(project.dir, '.unmoor/node.staging/unmoor.json'), 'utf8'),
  ) as unknown
  expect(info).toMatchObject({ environment: 'staging', manifest: { name: 'shop-staging' } })

  const start = ['start', '--env', 'staging']
  await project.write({ '.env.live': 'TOKEN=of another\n' })
  const lacking = await unmoor([...start, '--target', 'node', '--port', '0'], { cwd: project.dir })
  expect(lacking).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(
      /The environment "staging" lacks TOKEN \(secret "token"\)\. Nothing was changed\. Set each in \.env\.staging or/,
    ),
  })
  expect(existsSync(join(project.dir, '.unmoor/data'))).toBe(false)

  await project.write({ '.env': 'TOKEN=of all\n', '.env.staging.local': 'TOKEN=of staging\n' })
  expect(await run('migrate', '--target', 'node', '--env', 'staging')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('applied 0001_a'),
  })
  expect(await ask(start, { method: 'PUT' })).toEqual(['us', 'of staging', 'b'])
  expect(existsSync(join(project.dir, '.unmoor/data/node.staging'))).toBe(true)
  expect(existsSync(join(project.dir, '.unmoor/data/node'))).toBe(false)
  expect(await ask(['start', '--build'])).toEqual(['eu', 'of all', null])
  expect(await ask(['dev', '--env', 'staging'])).toEqual(['us', 'of staging', 'b'])

  const copy = ['data', 'copy', '--from', 'node@staging', '--to', 'node@live', '--binding', 'links']
  expect(await run(...copy)).toMatchObject({ code: 0 })
  expect(await ask(['start', '--build', '--env', 'live'])).toEqual(['eu', 'of another', 'b'])
  expect(await ask(['start'])).toEqual(['eu', 'of all', null])
})

test('unmoor test --env runs the tests in the environment, without any env file', async () => {
  await project.write({ '.env.staging.local': 'TOKEN=of staging\nREGION=nowhere\n' })
  const { code, stderr } = await run('test', '--target', 'node', '--env', 'staging')
  expect([code, stderr]).toEqual([0, expect.anything()])
})

test('unmoor check and compare --env take the config of the environment', async () => {
  expect(await run('check', '--target', 'node', '--env', 'staging')).toMatchObject({ code: 0 })
  const { code, stdout } = await run('compare', 'node', 'lambda', '--env', 'staging', '--reporter', 'json')
  expect([code, JSON.parse(stdout.trim().split('\n').at(-1) as string)]).toMatchObject([
    0,
    { app: 'shop-staging' },
  ])
})

test.each([
  ['build', '--target', 'node'],
  ['start', '--target', 'node'],
  ['dev'],
  ['test'],
  ['check', '--target', 'node'],
  ['migrate', '--target', 'node'],
  ['compare', 'node', 'lambda'],
  ['data', 'export', 'archive', '--from', 'node'],
])('unmoor %s refuses an environment that the config lacks, with the list', async (...args) => {
  expect(await run(...args, '--env', 'stagin')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining(
      'there is no environment "stagin". Did you mean "staging"? Environments: staging, live.',
    ),
  })
})

test('a command without environments refuses --env by name', async () => {
  for (const args of [['conformance', '--target', 'node'], ['soak', '--driver', 'sqlite'], ['host']])
    expect(await runUnmoor([...args, '--env', 'staging'], { cwd: project.dir })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("unknown option '--env'"),
    })
})

test('an artifact is not taken for that of another environment', async () => {
  await run('build', '--target', 'node', '--env', 'staging')
  const dir = join(project.dir, '.unmoor/node.staging')
  expect(await run('start', '--target', 'node', '--dir', dir)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('was built for the environment "staging". Add --env staging.'),
  })
  expect(await run('migrate', '--target', 'node', '--dir', dir, '--env', 'live')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('Add --env staging in place of --env live.'),
  })
  expect(await run('start', '--target', 'lambda', '--env', 'live')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('Run first: unmoor build --target lambda --env live'),
  })
})
