import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { PATIENCE } from '../patience.ts'
import { startUnmoor } from './cli-process.ts'
import { appSource, tempProject } from './temp-project.ts'

/** Resolves to true if the process runs; one that has ended and waits to be reaped does not. */
const alive = async (pid: number): Promise<boolean> => {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return stat !== '' && stat.slice(stat.lastIndexOf(')') + 2)[0] !== 'Z'
}

// Reads /proc.
test.runIf(process.platform === 'linux')(
  'a build that is stopped leaves no child and no folder behind',
  async () => {
    await using project = await tempProject({
      // Loops in the child that reads the manifest; tells its pid by a file first.
      'src/app.ts': `${appSource({ before: `import { writeFileSync } from 'node:fs'` })}\nwriteFileSync(process.env.PID_FILE, String(process.pid))\nfor (;;) {}`,
    })
    const temp = join(project.dir, 'tmp')
    await project.write({ 'tmp/.keep': '' })
    const pidFile = join(project.dir, 'pid')
    const { child, result } = startUnmoor(['build', '--target', 'node'], {
      cwd: project.dir,
      env: { PID_FILE: pidFile, TMPDIR: temp },
    })
    const pid = await expect
      .poll(async () => Number(await readFile(pidFile, 'utf8').catch(() => '0')), PATIENCE)
      .toBeGreaterThan(0)
      .then(async () => Number(await readFile(pidFile, 'utf8')))
    expect(await alive(pid)).toBe(true)
    child.kill('SIGTERM')
    expect((await result).code).toBe(143)
    await expect.poll(() => alive(pid), PATIENCE).toBe(false)
    expect(await readdir(temp)).toEqual(['.keep'])
  },
)
