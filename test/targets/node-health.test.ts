/** The admin port of a server and its health, on its own and through a stop. */
import { once } from 'node:events'
import { symlink } from 'node:fs/promises'
import { request } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { buildApp } from '../../core/tools/build/build.ts'
import { tempProject } from '../unit/temp-project.ts'
import { ask, runServer } from './admin-lab.ts'

const APP = `import { defineApp } from 'unmoor'
export default defineApp({ fetch: () => new Response('the app') })
`

/** Asks with a Host header of the caller's choice, which fetch does not let one set. */
function askAs(host: string, url: string, method = 'GET'): Promise<[number | undefined, string]> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { method, headers: { host, connection: 'close' } }, (answer) => {
      let body = ''
      answer.setEncoding('utf8').on('data', (part: string) => (body += part))
      answer.on('end', () => resolve([answer.statusCode, body]))
    })
    asked.on('error', reject).end()
  })
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
    const server = runServer(outDir, { ADMIN_PORT: '0' })
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
  const server = runServer(outDir, { ADMIN_PORT: '0' })
  const [url, health] = await server.urls()
  server.child.kill('SIGTERM')
  expect(await server.ended).toBe(0)
  await expect(ask(url)).rejects.toThrow()
  await expect(ask(`${health}/livez`)).rejects.toThrow()
})

test('the admin port answers GET and HEAD for names of this machine, and never the app', async () => {
  await using project = await tempProject({ 'src/app.ts': APP })
  const { outDir } = await buildApp({ projectDir: project.dir, target: 'node', config: { name: 'healthy' } })
  const server = runServer(outDir, { ADMIN_PORT: '0' })
  try {
    const [, admin] = await server.urls()
    const { port } = new URL(admin)
    for (const own of ['localhost', 'LOCALHOST', '127.0.0.1', '127.1.2.3', '[::1]'])
      for (const host of [own, `${own}:${port}`])
        expect([host, await askAs(host, `${admin}/livez`)]).toEqual([host, [200, 'ok']])
    // A page that makes its own name point at 127.0.0.1 could otherwise read the answers.
    const foreign = [
      'evil.example',
      `evil.example:${port}`,
      'localhost.evil.example',
      '127.0.0.1.evil.example',
    ]
    for (const host of [...foreign, '10.0.0.1', '[::2]', '[::1].evil.example'])
      for (const path of ['/livez', '/readyz', '/metrics', '/'])
        expect([host, (await askAs(host, admin + path))[0]]).toEqual([host, 421])
    expect(await askAs('localhost', `${admin}/readyz`, 'HEAD')).toEqual([200, ''])
    expect(await askAs('localhost', `${admin}/metrics`, 'HEAD')).toEqual([200, ''])
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS'])
      expect([method, (await askAs('localhost', `${admin}/metrics`, method))[0]]).toEqual([method, 405])
    for (const path of ['/', '/index.html', '/metrics/', '/.unmoor/test'])
      expect([path, (await ask(admin + path))[0]]).toEqual([path, 404])
  } finally {
    server.child.kill('SIGKILL')
  }
})

test('an admin port on all addresses answers under any name', async () => {
  await using project = await tempProject({ 'src/app.ts': APP })
  const { outDir } = await buildApp({ projectDir: project.dir, target: 'node', config: { name: 'healthy' } })
  const server = runServer(outDir, { ADMIN_PORT: '0', ADMIN_HOST: '0.0.0.0' })
  try {
    const [, admin] = await server.urls()
    const local = admin.replace('0.0.0.0', '127.0.0.1')
    expect(await askAs('links-0.links.default.svc:9090', `${local}/readyz`)).toEqual([200, 'ok'])
  } finally {
    server.child.kill('SIGKILL')
  }
})

test('without ADMIN_PORT there is none, and one that cannot be had ends the start', async () => {
  await using project = await tempProject({ 'src/app.ts': APP })
  const { outDir } = await buildApp({ projectDir: project.dir, target: 'node', config: { name: 'healthy' } })
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  try {
    const inUse = String((taken.address() as AddressInfo).port)
    for (const [env, message] of [
      [
        { ADMIN_PORT: '99999' },
        'ADMIN_PORT is "99999", not a number from 0 to 65535. Set it to one, or do not set it.',
      ],
      [{ ADMIN_PORT: '9090/tcp' }, 'ADMIN_PORT is "9090/tcp", not a number'],
      [{ ADMIN_PORT: inUse }, 'is in use by another process. Stop that one, or set ADMIN_PORT'],
      [
        { ADMIN_PORT: inUse, PORT: inUse },
        `PORT and ADMIN_PORT are both ${inUse}. Set ADMIN_PORT to another port, or do not set it.`,
      ],
      [
        { ADMIN_PORT: '0', ADMIN_HOST: '192.0.2.1' },
        '"192.0.2.1" is no address of this machine. Set ADMIN_HOST to one, such as 127.0.0.1 or 0.0.0.0.',
      ],
    ] as const) {
      const server = runServer(outDir, env)
      expect(await server.ended).toBe(1)
      expect(server.lines.join('\n')).toContain(message)
    }
    const plain = runServer(outDir, {})
    await expect.poll(() => plain.lines.join('\n')).toContain('healthy listens on')
    plain.child.kill('SIGTERM')
    expect(await plain.ended).toBe(0)
    expect(plain.lines.join('\n')).not.toContain('admin port')
  } finally {
    taken.close()
  }
})
