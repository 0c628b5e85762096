import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type CommandResult, runUnmoor, unmoor } from '../unit/cli-process.ts'
import { tempProject } from '../unit/temp-project.ts'
import { buildLab, type HostLab, labApp, startHostLab } from './host-lab.ts'

const TOKEN = 'correct horse'
let artifact: string
let lab: HostLab

beforeAll(async () => {
  artifact = await buildLab(labApp(''))
  lab = await startHostLab({ processes: 1, admin: { port: 0, token: TOKEN } })
})
afterAll(async () => {
  await lab?.[Symbol.asyncDispose]()
  await rm(artifact, { recursive: true, force: true })
})

const deploy = (...args: string[]): Promise<CommandResult> =>
  runUnmoor(['deploy', ...args, '--host', lab.host.adminUrl as string, '--token', TOKEN])
/** In a process of its own, which has the host's address and token in its environment. */
const deployByEnvironment = (...args: string[]): Promise<CommandResult> =>
  unmoor(['deploy', ...args], {
    env: { UNMOOR_HOST_URL: lab.host.adminUrl as string, UNMOOR_HOST_TOKEN: TOKEN },
  })

it('unmoor deploy sends an app, lists, changes, rolls back and deletes', async () => {
  const settings = join(artifact, 'settings.json')
  await writeFile(settings, JSON.stringify({ variables: { WORD: 'one' }, limits: { cpuMs: 100 } }))
  const first = await deployByEnvironment(
    '--dir',
    artifact,
    '--app',
    'shop',
    '--note',
    'the first',
    '--settings',
    settings,
  )
  expect(first).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^shop: version 1 is served\n\* 1 {2}20\S+ {2}\d+ KB {2}the first\n$/),
  })
  expect((await lab.send('shop')).text).toBe('one /')
  await writeFile(settings, JSON.stringify({ variables: { WORD: 'two' } }))
  expect(await deploy('--app', 'shop', '--configure', '--settings', settings)).toMatchObject({ code: 0 })
  expect((await lab.send('shop')).text).toBe('two /')
  await deploy('--dir', artifact, '--app', 'shop')
  expect((await deploy('--list')).stdout).toMatch(/^shop {2}2 {2}shop\.\*\n$/)
  expect((await deploy('--app', 'shop', '--rollback')).stdout).toMatch(
    /^shop: version 1 is served\n {2}2 .*\n\* 1 .*\n$/,
  )
  const listed = await deploy('--list', '--app', 'shop')
  expect(listed.stdout).toContain('\nvariables: {"WORD":"two"}\nlimits: {"cpuMs":100}\n')
  expect((await deploy('--app', 'shop', '--delete')).stdout).toContain('its data stays')
  expect((await lab.send('shop')).status).toBe(404)
})

it.each([
  [['--list', '--delete'], 2, 'Use one of --list'],
  [['--configure', '--app', 'shop'], 2, '--configure needs --settings or --secrets.'],
  [['--app', 'shop', '--rollback', '7'], 1, 'shop'],
  [['--app', 'shop', '--dir', '/nowhere'], 1, 'There is no artifact in /nowhere'],
] as const)('%j is refused', async (args, code, message) => {
  expect(await deploy(...args)).toMatchObject({ code, stderr: expect.stringContaining(message) })
})

it('a wrong token and a host that is not there are named', async () => {
  const url = lab.host.adminUrl as string
  expect(await runUnmoor(['deploy', '--list', '--host', url, '--token', 'wrong'])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/token/),
  })
  expect(
    await runUnmoor(['deploy', '--list', '--host', 'http://127.0.0.1:1', '--token', TOKEN]),
  ).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('127.0.0.1:1'),
  })
  expect(await runUnmoor(['deploy', '--list', '--host', 'nonsense', '--token', TOKEN])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--host http'),
  })
})

it('unmoor deploy --env sends an app of its own, and names what the environment lacks before it changes anything', async () => {
  await using project = await tempProject({
    'unmoor.config.ts':
      "export default { name: 'store', environments: { staging: { variables: { word: 'staging' } } } }",
    'src/app.ts': `import { defineApp, defineBindings, kv, secret, variable } from 'unmoor'
export default defineApp({
  bindings: defineBindings({ token: secret(), word: variable({ default: 'none' }), links: kv() }),
  async fetch(_request, env) {
    await env.links.put('word', env.word)
    return new Response((await env.links.list({ prefix: '' })).keys.length + env.word + (await env.token.get()))
  },
})`,
    settings: JSON.stringify({ hosts: ['staging.store.test'] }),
    secrets: 'TOKEN=one',
  })
  const send = (...args: string[]): Promise<CommandResult> => deploy('-C', project.dir, '--build', ...args)
  const lacking = await send('--env', 'staging')
  expect(lacking).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(
      /The environment "staging" lacks TOKEN \(secret "token"\)\. Nothing was changed\. Give "store-staging" .*--secrets/,
    ),
  })
  expect((await deploy('--list')).stdout).not.toContain('store')
  const files = ['--settings', join(project.dir, 'settings'), '--secrets', join(project.dir, 'secrets')]
  expect(await send('--env', 'staging', ...files)).toMatchObject({ code: 0 })
  // The host has the secret by now.
  expect(await send('--env', 'staging')).toMatchObject({ code: 0 })
  const { stdout } = await deploy('--list')
  expect(stdout).toMatch(/^store-staging .*staging\.store\.test/m)
  expect(stdout).not.toMatch(/^store /m)
  expect(await send('--env', 'live')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('there is no environment "live". Environments: staging.'),
  })
  const dir = join(project.dir, '.unmoor/isolate.staging')
  expect(await deploy('--dir', dir)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('was built for the environment "staging". Add --env staging.'),
  })
  expect(await deploy('-C', project.dir, '--env', 'staging', '--delete-data')).toMatchObject({ code: 0 })
})
