import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DeployClient } from '../../adapters/isolate/host/admin/client.ts'
import { MemoryCgroups } from '../../adapters/isolate/host/supervisor/memory-cgroups.ts'
import { buildLab, labApp, sendTo } from './host-lab.ts'
import { checkout } from '../unit/temp-project.ts'

/** What `unmoor host --reporter json` says of itself. */
interface Started {
  url: string
  adminUrl: string
  pids: number[]
}

const run = promisify(execFile)
const works = (command: string, ...args: string[]): Promise<boolean> =>
  run(command, args).then(
    () => true,
    () => false,
  )
const recipe = join(checkout, 'examples/host')
const isRoot = process.getuid?.() === 0 && process.platform === 'linux'
const canConfine =
  isRoot && (await works('unshare', '--mount', '--propagation', 'private', 'setpriv', '--dump'))
if (!canConfine) console.log('Skipped: a host by confined.sh. Run this as root on Linux, with util-linux.')
const hasSystemd = await works('systemd-analyze', '--version')
if (!hasSystemd) console.log('Skipped: the unit of systemd. Install systemd, which checks it.')

describe.runIf(canConfine)('a host by confined.sh', () => {
  let artifact: string
  let dir: string
  beforeAll(async () => {
    artifact = await buildLab(labApp('kv: kv()'))
    // Not below /tmp, of which it has its own.
    dir = await mkdtemp('/var/tmp/unmoor-recipe-')
    await chmod(dir, 0o755)
    await mkdir(join(dir, 'data'))
  })
  afterAll(() => Promise.all([artifact, dir].map((path) => rm(path, { recursive: true, force: true }))))

  it('serves apps as another user, who gains nothing, below a root that nobody writes to', async () => {
    const config = JSON.parse(await readFile(join(recipe, 'host.json'), 'utf8')) as {
      guard: object
      admin: object
    }
    await writeFile(
      join(dir, 'host.json'),
      JSON.stringify({
        ...config,
        host: '127.0.0.1',
        port: 0,
        processes: 1,
        stopTimeout: 2,
        dataDir: join(dir, 'data'),
        admin: { port: 0 },
        guard: { ...config.guard, user: 'nobody' },
        limits: { cpuMs: 100 },
      }),
    )
    const command = [
      process.execPath,
      join(checkout, 'dist/core/tools/cli/main.js'),
      'host',
      '--reporter',
      'json',
    ]
    const child = spawn(
      join(recipe, 'confined.sh'),
      [join(dir, 'data'), ...command, '--config', join(dir, 'host.json')],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    const ended = once(child, 'exit')
    try {
      const lines = createInterface({ input: child.stdout })
      const started = new Promise<Started>((resolve, reject) => {
        lines.on('line', (line) => {
          const told = JSON.parse(line) as Partial<Started>
          if (told.url !== undefined) resolve(told as Started)
        })
        void ended.then(() => reject(new Error('it ended')))
      })
      const { url, adminUrl, pids } = await started
      const token = await readFile(join(dir, 'data/admin.token'), 'utf8')
      const client = new DeployClient({ url: adminUrl, token: token.trim() })
      for (const app of ['app', 'noisy']) await client.deploy(app, artifact)
      const body = `await env.kv.put('k', 'v'); return env.kv.get('k')`
      expect(await sendTo(url, 'app', { method: 'POST', body })).toMatchObject({ text: '{"value":"v"}' })

      const worker = readFileSync(`/proc/${pids[0]}/status`, 'utf8')
      expect(worker).toMatch(/^Uid:\s+65534\s+65534\s+65534\s+65534$/m)
      expect(worker).toMatch(/^CapEff:\s+0+$/m)
      const supervisor = readFileSync(`/proc/${child.pid}/status`, 'utf8')
      // chown, dac_override, kill, setgid, setuid, net_bind_service.
      expect(supervisor).toMatch(/^CapBnd:\s+00000000000004e3$/m)
      for (const status of [worker, supervisor]) expect(status).toMatch(/^NoNewPrivs:\s+1$/m)
      const inside = (...args: string[]): Promise<unknown> =>
        run('nsenter', ['--mount', '--target', String(child.pid), '--', ...args])
      for (const path of ['/etc/new', join(checkout, 'new'), join(dir, 'new'), '/usr/bin/new'])
        await expect(inside('touch', path)).rejects.toThrow('Read-only file system')
      await inside('touch', join(dir, 'data/new'))
      expect((await stat(join(dir, 'data/apps'))).uid).toBe(65534)
      expect((await stat(join(dir, 'data/admin.token'))).mode & 0o077).toBe(0)

      // The process of one app has a memory cgroup there too.
      if (MemoryCgroups.find() === undefined) return
      for (let hit = 0; hit < 5; hit++) await sendTo(url, 'noisy', { method: 'POST', body: 'for (;;);' })
      const children = (): string[] =>
        readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').split(' ').filter(Boolean)
      const held = (): string[] =>
        children().filter((pid) => /unmoor-\d+-\d+$/m.test(readFileSync(`/proc/${pid}/cgroup`, 'utf8')))
      while (held().length === 0) await sleep(20)
      await expect.poll(() => sendTo(url, 'noisy').then(({ status }) => status)).toBe(200)
    } finally {
      child.kill('SIGTERM')
      await ended
    }
  })
})

describe.runIf(hasSystemd)('the unit of systemd', () => {
  it('is one, and leaves little exposed', async () => {
    const dir = await mkdtemp('/var/tmp/unmoor-unit-')
    try {
      // What it starts is not installed here.
      const unit = (await readFile(join(recipe, 'unmoor-host.service'), 'utf8')).replace(
        '/opt/unmoor/node_modules/.bin/unmoor',
        process.execPath,
      )
      const file = join(dir, 'unmoor-host.service')
      await writeFile(file, unit)
      const { stderr } = await run('systemd-analyze', ['verify', file])
      expect(stderr.split('\n').filter((line) => line.includes('unmoor-host.service'))).toEqual([])
      // Fails above it: exposure by systemd's own measure, of 100.
      await run('systemd-analyze', ['security', '--offline=true', '--threshold=35', file])
    } finally {
      await rm(dir, { recursive: true, force: true })
    }
  })
})
