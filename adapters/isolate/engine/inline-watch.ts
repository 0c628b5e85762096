import type ivm from 'isolated-vm'

/**
 * Wall-clock milliseconds that an inline entry may take: `FACTOR` times its limit of CPU time plus `MORE_MS`,
 * because a busy machine gives the thread less than a core.
 */
const FACTOR = 2
const MORE_MS = 100

/** Indexes of words in the memory that the main thread shares with the thread that watches inline entries. */
const ENTRY = 0
const LIMIT = 1
const SLOT = 2
const ENDED = 3
const STOP = 4
const ASLEEP = 5
const RUNNING = 6

/**
 * Removals that wait for the next addition. Each change stops the watch for about a millisecond, in which no
 * isolate is entered inline; a removed isolate costs the watch some bytes until then.
 */
const MAX_REMOVALS = 64

/**
 * Script of the watching isolate, which has no tenant's code. Every 10 ms it checks which isolate the main
 * thread is in, and disposes of an isolate that blocks the main thread for too long. While no isolate is
 * entered, it sleeps.
 */
const WATCHER = `
  const state = new Int32Array($0)
  const isolates = new Map()
  const watch = () => {
    Atomics.store(state, ${RUNNING}, 1)
    let seen = -1, since = 0, idle = 0
    while (Atomics.load(state, ${STOP}) === 0) {
      const entry = Atomics.load(state, ${ENTRY})
      if (entry !== seen) {
        seen = entry
        since = Date.now()
        if (entry % 2 !== 0) idle = 0
      } else if (entry % 2 === 0) {
        if (++idle > 100) {
          Atomics.store(state, ${ASLEEP}, 1)
          if (Atomics.load(state, ${ENTRY}) === entry && Atomics.load(state, ${STOP}) === 0)
            Atomics.wait(state, ${ENTRY}, entry)
          Atomics.store(state, ${ASLEEP}, 0)
          idle = 0
          continue
        }
      } else if (Date.now() - since > Atomics.load(state, ${LIMIT})) {
        Atomics.store(state, ${ENDED}, entry)
        since = Infinity
        // It may be disposed of already, and that throws.
        try { isolates.get(Atomics.load(state, ${SLOT}))?.dispose() } catch {}
      }
      Atomics.wait(state, ${ENTRY}, entry, 10)
    }
  }
  return (...changes) => {
    for (let index = 0; index < changes.length; index += 2) {
      if (changes[index + 1] === null) isolates.delete(changes[index])
      else isolates.set(changes[index], changes[index + 1])
    }
    watch()
  }
`

type Watch = (...changes: (number | ivm.Isolate | null)[]) => void

/** Ends inline entries that run too long, from another thread. There is one watch per process. */
export class InlineWatch {
  #ivm: typeof ivm
  #state = new Int32Array(new SharedArrayBuffer(32))
  #slots = new Map<ivm.Isolate, number>()
  /** Isolates that have been added to the watch of inline entries, watched already or not yet. */
  #added = new WeakSet<ivm.Isolate>()
  #nextSlot = 1
  #changes: (number | ivm.Isolate | null)[] = []
  #running: Promise<void> | undefined
  #closed = false

  constructor(module: typeof ivm) {
    this.#ivm = module
  }

  /**
   * True if an isolate is watched now. Only a watched isolate may be entered inline: while the watching thread
   * takes changes, nobody would end what blocks the main thread.
   */
  has(isolate: ivm.Isolate): boolean {
    const state = this.#state
    return this.#slots.has(isolate) && Atomics.load(state, STOP) === 0 && Atomics.load(state, RUNNING) === 1
  }

  /**
   * Adds an isolate to the watch of inline entries, once; {@link has} is true when the isolate is watched.
   */
  add(isolate: ivm.Isolate): void {
    if (this.#added.has(isolate)) return
    this.#added.add(isolate)
    this.#changes.push(this.#nextSlot++, isolate)
    this.#wake()
  }

  /** Removes an isolate that is disposed of from the watch of inline entries. */
  remove(isolate: ivm.Isolate): void {
    const slot = this.#slots.get(isolate)
    if (slot === undefined) return
    this.#slots.delete(isolate)
    this.#changes.push(slot, null)
    if (this.#changes.length >= 2 * MAX_REMOVALS) this.#wake()
  }

  /** Tells the watching thread that an isolate's entry on the main thread begins. */
  begin(isolate: ivm.Isolate, cpuMs: number): void {
    const state = this.#state
    state[LIMIT] = cpuMs * FACTOR + MORE_MS
    state[SLOT] = this.#slots.get(isolate) ?? 0
    const entry = Atomics.add(state, ENTRY, 1) + 1
    if (Atomics.load(state, ASLEEP) === 1) Atomics.notify(state, ENTRY)
    this.#entry = entry
  }
  #entry = 0

  /** Tells the watching thread that the isolate's entry on the main thread is over. */
  end(): void {
    Atomics.add(this.#state, ENTRY, 1)
  }

  /** True if the watching thread ended the last inline entry into an isolate. */
  get hasEnded(): boolean {
    return Atomics.load(this.#state, ENDED) === this.#entry
  }

  /** Stops the watching thread, which would keep the process alive. */
  async close(): Promise<void> {
    this.#closed = true
    this.#stop()
    await this.#running
  }

  #wake(): void {
    if (this.#closed) return
    if (this.#running === undefined) this.#running = this.#run().catch((error: unknown) => this.#fail(error))
    else this.#stop()
  }

  #stop(): void {
    Atomics.store(this.#state, STOP, 1)
    Atomics.notify(this.#state, ENTRY)
  }

  // Closes the watch of inline entries after an error: no isolate is watched any more, so none is entered
  // inline.
  #fail(error: unknown): void {
    this.#closed = true
    this.#slots.clear()
    console.error('The watch over entries in the host’s own thread has ended:', error)
  }

  async #run(): Promise<void> {
    // isolated-vm waits for its threads when the process exits, so the watching thread is stopped.
    process.once('exit', () => this.#stop())
    const isolate = new this.#ivm.Isolate({ memoryLimit: 16 })
    const context = await isolate.createContext()
    const memory = new this.#ivm.ExternalCopy(this.#state.buffer).copyInto()
    const watch: ivm.Reference<Watch> = await context.evalClosure(WATCHER, [memory], {
      result: { reference: true },
    })
    while (!this.#closed) {
      Atomics.store(this.#state, RUNNING, 0)
      Atomics.store(this.#state, STOP, 0)
      const changes = this.#changes
      this.#changes = []
      const entered = watch.apply(undefined, changes)
      for (let index = 0; index < changes.length; index += 2) {
        const [slot, added] = [changes[index] as number, changes[index + 1] as ivm.Isolate | null]
        if (added === null) continue
        if (added.isDisposed) this.#changes.push(slot, null)
        else this.#slots.set(added, slot)
      }
      await entered
    }
    isolate.dispose()
  }
}
