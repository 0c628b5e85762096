/**
 * Journal of what a data transfer has written durably, so that the same command continues after a kill; and a
 * lock against a second transfer at the same time.
 */
import { randomUUID } from 'node:crypto'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname } from 'node:path'
import { UnmoorError } from '../../errors.ts'
import type { ArchiveState } from './archive-sink.ts'
import type { Position } from './records.ts'

/** Progress of a data transfer in one binding, or of one table of a binding. */
export interface Progress {
  position: Position
  records: number
  bytes: number
  done: boolean
}

export interface JournalData {
  from: string
  to: string
  /**
   * The run that saved the transfer's journal last, with its host: several machines may share the archive's
   * disk.
   */
  writer?: { id: string; host: string } | undefined
  /** Id of the data transfer's claims on the target's stores. */
  claimant?: string | undefined
  /** True if the data transfer may have written something. */
  begun?: boolean | undefined
  /** Progress of the data transfer by binding, and by `binding/table`. */
  parts: Record<string, Progress>
  archive?: ArchiveState | undefined
}

/**
 * Seconds after the journal's last save for which a transfer on another machine counts as active. On the same
 * machine, the lock file tells if a transfer is active.
 */
const UNDER_WAY = 120

/** The journal of a data transfer: a JSON file that is replaced atomically. */
export class Journal {
  readonly path: string
  data: JournalData
  /** True if an earlier run of the data transfer has begun to write. */
  readonly isResumed: boolean
  #own = { id: randomUUID(), host: hostname() }
  #isSaved = false

  private constructor(path: string, data: JournalData, isResumed: boolean) {
    this.path = path
    this.data = data
    this.isResumed = isResumed
  }

  static async open(path: string, from: string, to: string, restart: boolean): Promise<Journal> {
    await mkdir(dirname(path), { recursive: true })
    const text = await readFile(path, 'utf8').catch(() => undefined)
    const noted = text === undefined ? undefined : (JSON.parse(text) as JournalData)
    const { writer } = noted ?? {}
    if (
      writer !== undefined &&
      writer.host !== hostname() &&
      Date.now() - (await stat(path)).mtimeMs < UNDER_WAY * 1000
    )
      throw new UnmoorError(
        'Conflict',
        `A process on ${writer.host} is already writing into ${to}. Wait for it; if it was stopped, ` +
          `this machine may go on ${UNDER_WAY} s after its last write.`,
        { operation: 'data', retryable: true },
      )
    // A restarted transfer keeps the claimant's id, since claims of the earlier run may still exist and are
    // its own.
    if (restart) return new Journal(path, { from, to, claimant: noted?.claimant, parts: {} }, false)
    const known = noted
    if (known !== undefined && (known.from !== from || known.to !== to))
      throw new UnmoorError(
        'Conflict',
        `${path} is of another transfer (from ${known.from} to ${known.to}). Finish that one, or give ` +
          '--restart.',
        {
          operation: 'data',
          retryable: false,
        },
      )
    return new Journal(path, known ?? { from, to, parts: {} }, known?.begun === true)
  }

  part(name: string): Progress {
    return (this.data.parts[name] ??= { position: undefined, records: 0, bytes: 0, done: false })
  }

  /**
   * Saves the journal of the data transfer. @throws `Conflict` if a run on another machine has begun
   * meanwhile.
   */
  async save(): Promise<void> {
    if (this.#isSaved) await this.#checkOwn()
    this.#isSaved = true
    this.data.writer = this.#own
    const handle = await open(`${this.path}.part`, 'w')
    try {
      await handle.writeFile(JSON.stringify(this.data))
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(`${this.path}.part`, this.path)
  }

  async #checkOwn(): Promise<void> {
    const text = await readFile(this.path, 'utf8').catch(() => undefined)
    const writer = text === undefined ? undefined : (JSON.parse(text) as JournalData).writer
    if (writer?.id === this.#own.id) return
    const who =
      writer === undefined ? 'Another process has removed' : `A process on ${writer.host} has taken over`
    throw new UnmoorError(
      'Conflict',
      `${who} ${this.path}: two transfers into ${this.data.to} at once. This one stops; let the other ` +
        'end, then verify.',
      {
        operation: 'data',
        retryable: false,
      },
    )
  }

  async remove(): Promise<void> {
    await rm(this.path, { force: true })
  }
}

/**
 * Creates a data transfer's lock file with this process's id and returns the function that removes it.
 *
 * @throws `Conflict` naming the process that holds the lock.
 */
export async function lock(path: string, what: string): Promise<() => void> {
  await mkdir(dirname(path), { recursive: true })
  for (;;) {
    try {
      writeFileSync(path, String(process.pid), { flag: 'wx' })
      return () => rmSync(path, { force: true })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    const holder = existsSync(path) ? Number(readFileSync(path, 'utf8')) : NaN
    if (Number.isInteger(holder) && holder > 0 && isAlive(holder))
      throw new UnmoorError(
        'Conflict',
        `Process ${holder} is already writing into ${what}. Wait for it, or stop it.`,
        { operation: 'data', retryable: true },
      )
    // The process that wrote the data transfer's lock file no longer runs, so the lock file is removed.
    rmSync(path, { force: true })
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
