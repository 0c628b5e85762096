import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startUnmoor, unmoor, type CommandResult } from './cli-process.ts'
import { linkPackages, tempProject, type TempProject } from './temp-project.ts'

const urlIn = (line: string): string => /http:\/\/[\d.:]+/.exec(line)?.[0] ?? `no URL in ${line}`

describe('a project from unmoor init', () => {
  let folder: TempProject
  let dir: string
  let made: CommandResult
  beforeAll(async () => {
    folder = await tempProject()
    dir = join(folder.dir, 'my-app')
    made = await unmoor(['init', 'my-app', '--reporter', 'json'], { cwd: folder.dir })
    await linkPackages(dir)
  })
  afterAll(() => folder[Symbol.asyncDispose]())

  test('tells what was made', () => {
    expect({ code: made.code, ...JSON.parse(made.stdout) }).toMatchObject({ code: 0, name: 'my-app', dir })
  })

  test('type checks', async () => {
    const { spawnSync } = await import('node:child_process')
    const { stdout, status } = spawnSync(
      process.execPath,
      [join(dir, 'node_modules/typescript/bin/tsc'), '-p', '.'],
      { cwd: dir, encoding: 'utf8' },
    )
    expect({ stdout, status }).toEqual({ stdout: '', status: 0 })
  })

  test('passes its own tests on Node', async () => {
    const { code, stdout, stderr } = await unmoor(['test', '--target', 'node', '--reporter', 'json'], {
      cwd: dir,
    })
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.any(String) })
    expect(JSON.parse(stdout)).toEqual({
      passed: true,
      targets: [{ target: 'node', exitCode: 0, total: 2, passed: 2, failed: 0 }],
    })
  })

  test('a failing test is exit code 1, and arguments after -- go to vitest', async () => {
    const test = join(dir, 'test/other.test.ts')
    await writeFile(
      test,
      `import { expect, test } from 'vitest'\ntest('target', () => expect(process.env.UNMOOR_TARGET).toBe('node'))\ntest('wrong', () => expect(1).toBe(2))\n`,
    )
    const all = await unmoor(['test', '--reporter', 'json', '--', 'test/other.test.ts'], { cwd: dir })
    expect({ code: all.code, ...JSON.parse(all.stdout) }).toMatchObject({
      code: 1,
      passed: false,
      targets: [{ total: 2, passed: 1, failed: 1 }],
    })
    const one = await unmoor(['test', '--reporter', 'json', '--', 'test/other.test.ts', '-t', 'target'], {
      cwd: dir,
    })
    expect({ code: one.code, ...JSON.parse(one.stdout) }).toMatchObject({ code: 0, passed: true })
    await writeFile(test, '')
  })

  test('builds and starts; SIGTERM stops it with exit code 0', async () => {
    expect((await unmoor(['build', '--target', 'node'], { cwd: dir })).code).toBe(0)
    const { child, result, line } = startUnmoor(
      ['start', '--target', 'node', '--port', '0', '--reporter', 'json'],
      { cwd: dir },
    )
    const { url, pids } = JSON.parse(await line('"url"')) as { url: string; pids: number[] }
    expect((await fetch(`${url}/notes/a`, { method: 'PUT', body: 'x' })).status).toBe(204)
    child.kill('SIGTERM')
    expect((await result).code).toBe(0)
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow(/ESRCH/)
    expect(existsSync(join(dir, '.unmoor/data/node'))).toBe(true)
  })

  test('a port in use is named, exit code 1', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as AddressInfo
    const { code, stderr } = await unmoor(['start', '--target', 'node', '--build', '--port', String(port)], {
      cwd: dir,
    })
    server.close()
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(String(port)) })
  })
})

describe('unmoor start', () => {
  const app = `import { defineApp, defineBindings, secret, variable } from 'unmoor'
export default defineApp({
  bindings: defineBindings({ apiKey: secret(), region: variable({ default: 'eu' }) }),
  fetch: async (_request, env) => Response.json({ key: await env.apiKey.get(), region: env.region, leaked: globalThis.process?.env.NOT_DECLARED ?? null }),
})`

  test('a missing secret is named, exit code 1; .env and the environment give it', async () => {
    await using project = await tempProject({ 'src/app.ts': app })
    const missing = await unmoor(['start', '--target', 'node', '--build', '--port', '0'], {
      cwd: project.dir,
    })
    expect({ code: missing.code, stderr: missing.stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(/secret "apiKey": set API_KEY/),
    })
    await project.write({ '.env': 'API_KEY="from file"\nREGION=us\n', 'other.env': 'API_KEY=other' })
    const answer = async (args: string[], env: Record<string, string> = {}): Promise<unknown> => {
      const { child, result, line } = startUnmoor(['start', '--target', 'node', '--port', '0', ...args], {
        cwd: project.dir,
        env: { NOT_DECLARED: 'x', ...env },
      })
      const body = await (await fetch(urlIn(await line('Ctrl-C')))).json()
      child.kill('SIGINT')
      expect((await result).code).toBe(0)
      return body
    }
    expect(await answer([])).toEqual({ key: 'from file', region: 'us', leaked: null })
    expect(await answer([], { REGION: 'ap' })).toEqual({ key: 'from file', region: 'ap', leaked: null })
    expect(await answer(['--env-file', 'other.env'])).toEqual({ key: 'other', region: 'eu', leaked: null })
    const wrong = await unmoor(['start', '--target', 'node', '--env-file', 'none.env'], { cwd: project.dir })
    // Node itself reads --env-file wherever it stands (nodejs/node#54232), and ends with 9 before unmoor
    // runs; a Node that does not gives our 2.
    expect([2, 9]).toContain(wrong.code)
    expect(wrong.stderr).toContain('none.env')
    // The admin port is the server's own, so neither a declaration nor a warning is asked for.
    await project.write({ '.env': 'API_KEY=a\nADMIN_PORT=0\n' })
    const { child, result, line } = startUnmoor(['start', '--target', 'node', '--port', '0'], {
      cwd: project.dir,
      env: { ADMIN_HOST: 'localhost' },
    })
    const admin = /http:\/\/localhost:\d+/.exec(await line('admin port'))?.[0]
    expect(await (await fetch(`${admin}/readyz`)).text()).toBe('ok')
    child.kill('SIGINT')
    expect((await result).stderr).not.toContain('does not declare')
  })
})
