/**
 * Power cuts: a file system in a file, whose unwritten data is dropped on demand. What a program has put on
 * the disk (fsync) stays, what only the kernel held is gone. Needs root on Linux with loop devices.
 */
import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** `FS_IOC_SHUTDOWN` with `EXT4_GOING_FLAGS_NOLOGFLUSH`: the journal in memory is dropped too. */
const SHUTDOWN =
  'import fcntl,os,struct,sys; fcntl.ioctl(os.open(sys.argv[1],os.O_RDONLY),0x8004587d,struct.pack("I",2))'

/** What this machine lacks for power cuts; undefined where they can be made. */
export function powerCutsLack(): string | undefined {
  if (process.platform !== 'linux') return 'Linux'
  if (process.getuid?.() !== 0) return 'root'
  if (!existsSync('/dev/loop-control')) return 'loop devices'
  const paths = (process.env['PATH'] ?? '').split(':').concat('/sbin', '/usr/sbin')
  return ['mkfs.ext4', 'mount', 'umount', 'python3'].find(
    (tool) => !paths.some((path) => existsSync(join(path, tool))),
  )
}

/** A disk that power cuts befall. */
export class PowerCutDisk implements AsyncDisposable {
  /** Where it is mounted. */
  readonly folder: string
  #dir: string
  #mounted = false

  private constructor(dir: string) {
    this.#dir = dir
    this.folder = join(dir, 'disk')
  }

  static async create(megabytes = 256): Promise<PowerCutDisk> {
    const disk = new PowerCutDisk(await mkdtemp(join(tmpdir(), 'unmoor-power-')))
    await writeFile(disk.#image, '')
    await truncate(disk.#image, megabytes * 1024 * 1024)
    await run('mkfs.ext4', ['-q', '-F', disk.#image])
    await mkdir(disk.folder)
    await disk.#mount()
    return disk
  }

  get #image(): string {
    return join(this.#dir, 'image')
  }

  async #mount(): Promise<void> {
    await run('mount', ['-o', 'loop', this.#image, this.folder])
    this.#mounted = true
  }

  async #unmount(): Promise<void> {
    for (;;) {
      const failed = await run('umount', [this.folder]).then(
        () => undefined,
        (error: Error) => error,
      )
      if (failed === undefined) break
      if (!/busy/.test(failed.message)) throw failed
      await sleep(10)
    }
    this.#mounted = false
  }

  /** The power is gone: nothing more is written, and every access fails until {@link restore}. */
  async cut(): Promise<void> {
    await run('python3', ['-c', SHUTDOWN, this.folder])
  }

  /** The power is back. No process may have a file of the disk open. */
  async restore(): Promise<void> {
    await this.#unmount()
    await this.#mount()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#mounted) await this.#unmount()
    await rm(this.#dir, { recursive: true, force: true })
  }
}

/** Kills a process with all that it has started, and resolves when they are gone. */
export async function killTree(pid: number): Promise<void> {
  const all = withChildren(pid)
  for (const one of all) {
    try {
      process.kill(one, 'SIGKILL')
    } catch {
      // It has ended.
    }
  }
  while (all.some(isRunning)) await sleep(5)
}

function withChildren(pid: number): number[] {
  try {
    const threads = readdirSync(`/proc/${pid}/task`)
    const children = threads.flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').map(Number),
    )
    return [pid, ...children.filter((child) => child > 0).flatMap(withChildren)]
  } catch {
    return [pid]
  }
}

// One whose parent has not asked for its exit code holds no file any more.
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}
