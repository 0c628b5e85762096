/** The health port of a server, on its own and through a stop. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { symlink } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { buildApp } from '../../core/tools/build/build.ts'
import { tempProject } from '../unit/temp-project.ts'

const APP = `import { defineApp } from 'unmoor'
export default defineApp({ fetch: () => new Response('the app') })
`

interface Server {
  child: ChildProcess
  lines: string[]
  /** Origins of the app and of its health. */
  urls(): Promise<[string, string]>
  ended: Promise<number | null>
}

function run(dir: string, env: Record<string, string>): Server {
  const child = spawn(process.execPath, ['--no-node-snapshot', 'server.mjs'], {
    cwd: dir,
    env: { PATH: process.env['PATH'], PORT: '0', DATA_DIR: `${dir}/data`, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const lines: string[] = []
  for (const stream of [child.stdout, child.stderr])
    if (stream !== null) createInterface({ input: stream }).on('line', (line) => lines.push(line))
  const ended = once(child, 'exit').then(([code]) => code as number | null)
  const find = (text: string): string | undefined =>
    lines.map((line) => new RegExp(`${text} (http:\\S+)`).exec(line)?.[1]).find(Boolean)
  return {
    child,
    lines,
    ended,
    async urls() {
      await expect.poll(() => find('tells its health on'), { message: lines.join('\n') }).toBeDefined()
      return [find('listens on') as string, find('tells its health on') as string]
    },
  }
}

async function ask(url: string): Promise<[number, string]> {
  const answer = await fetch(url, { headers: { connection: 'close' } })
  return [answer.status, await answer.text()]
}

test.each(['node', 'isolate'])(
  '%s: is live and ready, and no longer ready before the port closes',
  async (target) => {
    await using project = await tempProject({ 'src/app.ts': APP })
    const { outDir } = await buildApp({
      projectDir: project.dir,
      target,
      config: { name: 'healthy', targets: { [target]: { options: { drainTimeout: 600 } } } },
    })
    // As the image's install has it.
    await symlink(fileURLToPath(new URL('../../node_modules', import.meta.url)), `${outDir}/node_modules`)
    const server = run(outDir, { ADMIN_PORT: '0' })
    try {
      const [url, health] = await server.urls()
      expect(await ask(`${health}/livez`)).toEqual([200, 'ok'])
      expect(await ask(`${health}/readyz?verbose`)).toEqual([200, 'ok'])
      expect((await ask(`${health}/`))[0]).toBe(404)
      // Clients of the app see nothing of it.
      expect(await ask(`${url}/readyz`)).toEqual([200, 'the app'])
      server.child.kill('SIGTERM')
      await expect.poll(() => ask(`${health}/readyz`)).toEqual([503, 'draining'])
      expect(await ask(`${health}/livez`)).toEqual([200, 'ok'])
      expect(await ask(url)).toEqual([200, 'the app'])
      // A second signal does not wait.
      server.child.kill('SIGTERM')
      expect(await server.ended).toBe(1)
    } finally {
      server.child.kill('SIGKILL')
    }
  },
)

test('the port closes once the drain is over', async () => {
  await using project = await tempProject({ 'src/app.ts': APP })
  const config = { name: 'healthy', targets: { node: { options: { drainTimeout: 0.2 } } } }
  const { outDir } = await buildApp({ projectDir: project.dir, target: 'node', config })
  const server = run(outDir, { ADMIN_PORT: '0' })
  const [url, health] = await server.urls()
  server.child.kill('SIGTERM')
  expect(await server.ended).toBe(0)
  await expect(ask(url)).rejects.toThrow()
  await expect(ask(`${health}/livez`)).rejects.toThrow()
})

test('without ADMIN_PORT there is none, and one that cannot be had ends the start', async () => {
  await using project = await tempProject({ 'src/app.ts': APP })
  const { outDir } = await buildApp({ projectDir: project.dir, target: 'node', config: { name: 'healthy' } })
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  try {
    for (const [port, message] of [
      ['99999', 'ADMIN_PORT is "99999", not a number from 0 to 65535.'],
      [
        String((taken.address() as AddressInfo).port),
        'is in use by another process. Stop that one, or set ADMIN_PORT',
      ],
    ] as const) {
      const server = run(outDir, { ADMIN_PORT: port })
      expect(await server.ended).toBe(1)
      expect(server.lines.join('\n')).toContain(message)
    }
    const plain = run(outDir, {})
    await expect.poll(() => plain.lines.join('\n')).toContain('healthy listens on')
    plain.child.kill('SIGTERM')
    expect(await plain.ended).toBe(0)
    expect(plain.lines.join('\n')).not.toContain('health on')
  } finally {
    taken.close()
  }
})
