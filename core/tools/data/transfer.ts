import { createHash, randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { UnmoorError } from '../../errors.ts'
import type { ArchiveSink } from './archive-sink.ts'
import { Claims } from './claims.ts'
import { Journal, lock, type Progress } from './journal.ts'
import { Pace } from './pace.ts'
import { planTransfer, type Plan } from './plan.ts'
import type { BlobRecord, KvRecord, Placed, Row, Sink, Source, Table } from './records.ts'

/** Options of {@link transfer}, which moves the records of one place into another. */
export interface TransferOptions {
  /** Names of the bindings whose data the transfer moves. Default: all bindings of the source. */
  bindings?: readonly string[] | undefined
  /** Path of the transfer's journal file. */
  journal: string
  /** If true, discards the progress of an earlier run and begins the transfer anew. Default: false. */
  restart?: boolean | undefined
  /** If true, the transfer writes even into a target that contains data. Default: false. */
  intoNonEmpty?: boolean | undefined
  /** If true, only reports what the transfer would do. Default: false. */
  dryRun?: boolean | undefined
  /** Number of the transfer's concurrent writes. Default: 16. */
  concurrency?: number | undefined
  /** Maximum number of records that the transfer moves per second. Default: no limit. */
  rate?: number | undefined
  /** Seconds after which a dead writer's claim on a store expires. Default: 120. */
  lease?: number | undefined
  /** Called at intervals with the transfer's progress. */
  onProgress?: ((state: TransferState) => void) | undefined
}

export interface TransferState {
  binding: string
  records: number
  bytes: number
  /** Counts of the whole data transfer, of all bindings together. */
  total: { records: number; bytes: number; doneRecords: number; doneBytes: number }
}

export interface TransferReport {
  from: string
  to: string
  dryRun: boolean
  resumed: boolean
  /** Root hash of the archive that the transfer wrote. */
  root?: string
  bindings: Record<string, { kind: string; records: number; bytes: number; expired: number }>
}

/** Bytes that a transfer writes before it saves its journal again. */
const SAVE_BYTES = 32 * 1024 * 1024
const SAVE_MS = 500
const CHUNK_BYTES = 8 * 1024 * 1024
/**
 * A transfer leaves out a kv entry that expires within this number of seconds: it would be gone before anyone
 * switches over to the target, and stores refuse an expiry of under 60 s.
 */
export const EXPIRES_SOON = 120

type TransferSink = Sink &
  Partial<ArchiveSink> & { mendCounters?: (binding: string, tables: readonly Table[]) => Promise<void> }

/**
 * Moves every record of a source into a sink. After a kill at any time, the same call continues the transfer.
 */
export async function transfer(
  source: Source,
  sink: TransferSink,
  options: TransferOptions,
): Promise<TransferReport> {
  const unlock = await lock(lockFile(sink.label), sink.label)
  let claims: Claims | undefined
  let journal: Journal | undefined
  try {
    journal = await Journal.open(options.journal, source.label, sink.label, options.restart ?? false)
    if (options.dryRun !== true)
      claims = await claim(sink, options.bindings ?? Object.keys(source.bindings), journal, options.lease)
    const plan = await planTransfer(source, sink, {
      bindings: options.bindings,
      checkEmpty: !journal.isResumed && options.intoNonEmpty !== true,
    })
    // The claims on the stores are renewed after planning: counting takes time, and with stale reads, another
    // writer's claim may have been missed.
    await claims?.renew()
    const run = new Transfer({ source, sink, journal, claims, plan }, options)
    const report = await run.start()
    if (options.dryRun === true) return report
    const manifest = await sink.finish?.()
    // The transfer's journal is removed last, so that the same command can continue until the archive is
    // complete.
    await journal.remove()
    return manifest === undefined ? report : { ...report, root: manifest.root }
  } finally {
    await claims?.release()
    if (journal?.data.begun !== true && claims !== undefined) await journal?.remove()
    unlock()
  }
}

/**
 * Claims the bindings that the data transfer will write. The claimant's id is in the journal, so that the
 * same command can continue at once after a kill.
 */
async function claim(
  sink: Sink,
  bindings: readonly string[],
  journal: Journal,
  lease: number | undefined,
): Promise<Claims | undefined> {
  if (sink.claim === undefined) return undefined
  journal.data.claimant ??= randomUUID()
  await journal.save()
  // A claimant's id contains the host name: with a journal on a shared disk, each machine is another writer.
  const own = {
    id: `${hostname()}-${journal.data.claimant}`,
    host: hostname(),
    since: new Date().toISOString(),
  }
  try {
    return await Claims.take(
      sink,
      bindings.filter((binding) => sink.bindings[binding] !== undefined),
      own,
      lease,
    )
  } catch (error) {
    if (journal.data.begun !== true) await journal.remove()
    throw error
  }
}

function lockFile(label: string): string {
  return join(
    tmpdir(),
    'unmoor-data',
    `${createHash('sha256').update(label).digest('hex').slice(0, 32)}.lock`,
  )
}

/** The places, journal, claims and plan of a running data transfer. */
interface TransferParts {
  source: Source
  sink: TransferSink
  journal: Journal
  claims: Claims | undefined
  plan: Plan
}

/** How a transfer moves the records of one part of a binding (all of it, or one table). */
interface Stream<T> {
  /** Name of the binding's part in the transfer's journal. */
  readonly part: string
  readonly binding: string
  readonly read: (from: unknown) => AsyncIterable<Placed<T>>
  /** Returns the size in bytes of a record that the transfer moves. */
  readonly size: (record: T) => number
  readonly write: (records: readonly T[]) => Promise<void>
  readonly flush: () => Promise<void>
  /** Returns true for records that the transfer moves. Default: all records. */
  readonly wanted?: (record: T) => boolean
}

class Transfer {
  #source: Source
  #sink: TransferSink
  #journal: Journal
  #claims: Claims | undefined
  #plan: Plan
  #options: TransferOptions
  #pace: Pace
  #saved = performance.now()
  #unsaved = 0
  #expired: Record<string, number> = {}

  constructor({ source, sink, journal, claims, plan }: TransferParts, options: TransferOptions) {
    this.#source = source
    this.#sink = sink
    this.#journal = journal
    this.#claims = claims
    this.#plan = plan
    this.#options = options
    this.#pace = new Pace(options.rate)
  }

  async start(): Promise<TransferReport> {
    const dryRun = this.#options.dryRun ?? false
    const resumed = this.#journal.isResumed
    const report: TransferReport = {
      from: this.#source.label,
      to: this.#sink.label,
      dryRun,
      resumed,
      bindings: {},
    }
    // The journal's `begun` is saved before the first write: after a kill, the next run knows that it wrote
    // the data.
    if (!dryRun) {
      this.#journal.data.begun = true
      await this.#note()
    }
    if (!dryRun) await this.#sink.begin?.()
    for (const { binding, kind, count, bytes, tables } of this.#plan.bindings) {
      if (dryRun) {
        report.bindings[binding] = { kind, records: count, bytes, expired: 0 }
        continue
      }
      if (kind === 'kv') await this.#kv(binding)
      else if (kind === 'blob') await this.#blobs(binding)
      else
        for (const [index, { from, to }] of (tables ?? []).entries())
          await this.#rows(binding, from, to, index)
      if (kind === 'sql')
        await this.#sink.mendCounters?.(
          binding,
          (tables ?? []).map(({ to }) => to),
        )
      const parts = Object.entries(this.#journal.data.parts).filter(
        ([name]) => name === binding || name.startsWith(`${binding}/`),
      )
      const sum = (field: 'records' | 'bytes'): number =>
        parts.reduce((total, [, part]) => total + part[field], 0)
      report.bindings[binding] = {
        kind,
        records: sum('records'),
        bytes: sum('bytes'),
        expired: this.#expired[binding] ?? 0,
      }
    }
    return report
  }

  #kv(binding: string): Promise<void> {
    const writer = this.#sink.kvWriter(binding)
    const size = ({ value }: KvRecord): number => value.byteLength
    const wanted = ({ expiration }: KvRecord): boolean => {
      if (expiration === undefined || expiration > Date.now() / 1000 + EXPIRES_SOON) return true
      this.#expired[binding] = (this.#expired[binding] ?? 0) + 1
      return false
    }
    return this.#stream({
      part: binding,
      binding,
      read: (from) => this.#source.kv(binding).read(from),
      size,
      write: (records) => this.#pooled(records, 64, (some) => writer.write(some)),
      flush: () => writer.flush(),
      wanted,
    })
  }

  #blobs(binding: string): Promise<void> {
    const writer = this.#sink.blobWriter(binding)
    // Blobs are written as streams, so their byte count decides when the journal is saved, not how much
    // memory is used.
    const write = (records: readonly BlobRecord[]): Promise<void> =>
      this.#pooled(records, 1, async ([record]) => {
        const arrived = await writer.write(record as BlobRecord)
        const { sha256, key } = record as BlobRecord
        if (sha256 !== undefined && sha256 !== arrived)
          throw new UnmoorError(
            'ChecksumMismatch',
            `${binding}: the bytes of the blob ${JSON.stringify(key)} are not those that its sha256 ` +
              'names. Take another copy of the archive.',
            { binding },
          )
      })
    return this.#stream({
      part: binding,
      binding,
      read: (from) => this.#source.blob(binding).read(from),
      size: ({ size }) => size,
      write,
      flush: () => writer.flush(),
    })
  }

  #rows(binding: string, from: Table, to: Table, index: number): Promise<void> {
    const writer = this.#sink.sqlWriter(binding)
    const name = `${binding}/${String(index).padStart(4, '0')} ${from.name}`
    const size = (row: Row): number =>
      row.reduce<number>((sum, cell) => sum + (typeof cell === 'string' ? cell.length : 16), 0)
    return this.#stream({
      part: name,
      binding,
      read: (at) => this.#source.sql(binding).read(from, at),
      size,
      write: (rows) => writer.write(to, rows),
      flush: () => writer.flush(),
    })
  }

  /** Reads a transfer's records in chunks, writes each chunk and records the progress. */
  async #stream<T>({
    part,
    binding,
    read,
    size,
    write,
    flush,
    wanted = () => true,
  }: Stream<T>): Promise<void> {
    const progress = this.#journal.part(part)
    if (progress.done) return
    // Under a rate limit, a transfer's chunks are small enough to send about four per second, for an even
    // rate.
    const most =
      this.#options.rate === undefined ? 500 : Math.min(500, Math.max(1, Math.ceil(this.#options.rate / 4)))
    let chunk: T[] = []
    let chunkBytes = 0
    let position: unknown
    const send = async (): Promise<void> => {
      if (position === undefined) return
      await this.#pace.take(chunk.length)
      this.#claims?.check()
      if (chunk.length > 0) await write(chunk)
      progress.records += chunk.length
      progress.bytes += chunkBytes
      progress.position = position
      this.#unsaved += chunkBytes
      chunk = []
      chunkBytes = 0
      if (this.#unsaved > SAVE_BYTES || performance.now() - this.#saved > SAVE_MS) await this.#save(flush)
      this.#tell(binding, progress)
    }
    for await (const placed of read(progress.position)) {
      ;({ position } = placed)
      if (wanted(placed.record)) {
        chunk.push(placed.record)
        chunkBytes += size(placed.record)
      }
      if (chunkBytes >= CHUNK_BYTES || chunk.length >= most) await send()
    }
    await send()
    await flush()
    progress.done = true
    await this.#save(flush)
    this.#tell(binding, progress)
  }

  async #save(flush: () => Promise<void>): Promise<void> {
    await flush()
    await this.#note()
    this.#saved = performance.now()
    this.#unsaved = 0
  }

  async #note(): Promise<void> {
    if (this.#sink.state !== undefined) this.#journal.data.archive = this.#sink.state
    await this.#journal.save()
  }

  /**
   * Writes a transfer's records with several concurrent calls. An archive takes records one after the other,
   * in order.
   */
  async #pooled<T>(
    records: readonly T[],
    each: number,
    write: (some: readonly T[]) => Promise<void>,
  ): Promise<void> {
    const most = this.#sink.state === undefined ? (this.#options.concurrency ?? 16) : 1
    let next = 0
    const worker = async (): Promise<void> => {
      while (next < records.length) {
        const some = records.slice(next, next + each)
        next += each
        await write(some)
      }
    }
    const workers = Array.from({ length: Math.min(most, Math.ceil(records.length / each)) }, worker)
    const failed = (await Promise.allSettled(workers)).find((result) => result.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  #tell(binding: string, { records, bytes }: Progress): void {
    const parts = Object.values(this.#journal.data.parts)
    const sum = (field: 'records' | 'bytes'): number => parts.reduce((total, part) => total + part[field], 0)
    this.#options.onProgress?.({
      binding,
      records,
      bytes,
      total: {
        records: this.#plan.count,
        bytes: this.#plan.bytes,
        doneRecords: sum('records'),
        doneBytes: sum('bytes'),
      },
    })
  }
}

/** Returns the path of the journal for a data transfer between two places. */
export async function journalPath(projectDir: string, from: string, to: string): Promise<string> {
  const folder = join(projectDir, '.unmoor', 'transfers')
  await mkdir(folder, { recursive: true })
  return join(folder, `${createHash('sha256').update(`${from}\n${to}`).digest('hex').slice(0, 16)}.json`)
}
