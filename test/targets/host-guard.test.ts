import { chmod, mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildLab, labApp, startHostLab } from './host-lab.ts'

const isRoot = process.getuid?.() === 0 && process.platform === 'linux'
if (!isRoot) console.log('Skipped: processes under another user. Run this as root on Linux.')

let artifact: string
let dataDir: string
beforeAll(async () => {
  artifact = await buildLab(
    labApp('kv: kv(), db: sql(), jobs: queue(), files: unmoor.blob(), pages: unmoor.cache()'),
  )
  dataDir = await mkdtemp(join(tmpdir(), 'unmoor-guard-'))
  // The other user reads the artifact, and passes through to its data.
  await Promise.all([artifact, dataDir].map((dir) => chmod(dir, 0o755)))
})
afterAll(() => Promise.all([artifact, dataDir].map((dir) => rm(dir, { recursive: true, force: true }))))

describe.runIf(isRoot)('child processes', () => {
  it('run as another user, under Node’s permission model, by a wrapper that lets them gain nothing', async () => {
    await using lab = await startHostLab({
      processes: 1,
      dataDir,
      admin: { port: 0 },
      guard: {
        user: 'nobody',
        permission: true,
        wrapper: ['setpriv', '--no-new-privs', '--pdeathsig', 'KILL'],
      },
      limits: { cpuMs: 300 },
      apps: { app: { dir: artifact } },
    })
    // All bindings work: what they write is the user's.
    const work = `await env.kv.put('k', 'v'); await env.db.run('CREATE TABLE IF NOT EXISTS t (a)'); await env.jobs.send(1); await env.files.put('f', 'stored'); await env.pages.put('https://a/', new Response('c')); return [await env.kv.get('k'), await (await env.files.get('f')).text(), (await crypto.subtle.digest('SHA-1', new Uint8Array(1))).byteLength, await new Response(new Blob(['zip']).stream().pipeThrough(new CompressionStream('gzip')).pipeThrough(new DecompressionStream('gzip'))).text()]`
    expect(await lab.run('app', work)).toEqual(['v', 'stored', 20, 'zip'])
    const [pid] = lab.host.pids
    const status = await readFile(`/proc/${pid}/status`, 'utf8')
    expect(status).toMatch(/^Uid:\s+65534\s+65534\s+65534\s+65534$/m)
    expect(status).toMatch(/^Gid:\s+65534\s+65534\s+65534\s+65534$/m)
    expect(status).toMatch(/^NoNewPrivs:\s+1$/m)
    expect(status).toMatch(/^CapEff:\s+0+$/m)
    expect((await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0')).toContain('--permission')
    expect((await stat(join(dataDir, 'apps'))).uid).toBe(65534)
    // The host's own files are not theirs.
    expect((await stat(join(dataDir, 'admin.token'))).mode & 0o077).toBe(0)
    expect((await stat(join(dataDir, 'admin.token'))).uid).toBe(0)
    // Limits and metering hold as ever.
    expect(await lab.send('app', { method: 'POST', body: 'for (;;);' })).toMatchObject({
      status: 503,
      text: expect.stringContaining('300 ms of CPU time'),
    })
    const metrics = await (await fetch(`${lab.host.adminUrl}/metrics`)).text()
    expect(Number(/unmoor_cpu_seconds_total\{app="app"\} (\S+)/.exec(metrics)?.[1])).toBeGreaterThan(0.02)
    expect(lab.lines.join('\n')).not.toMatch(/ERR_ACCESS_DENIED|EACCES|EPERM/)
  })
})

describe('options', () => {
  it('that do not hold are refused by name', async () => {
    const start = (guard: object): Promise<unknown> =>
      startHostLab({ dataDir, guard, apps: { app: { dir: artifact } } })
    await expect(start({ usr: 'x' })).rejects.toThrow('guard.usr: there is no such field')
    await expect(start({ group: 'nogroup' })).rejects.toThrow('guard.group goes with guard.user')
    await expect(start({ wrapper: 'setpriv' })).rejects.toThrow('guard.wrapper takes a command')
    await expect(start({ wrapper: ['no-such-command'] })).rejects.toThrow(/no-such-command/)
    if (isRoot)
      await expect(start({ user: 'no-such-user' })).rejects.toThrow('there is no user "no-such-user"')
  })
})
