import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { type Background, type OpenCronStore, startBackground } from './background.ts'
import { errorText } from '../error-text.ts'
import type { BackgroundDuties } from '../messages.ts'
import type { Tenant } from './tenant.ts'

/** Options of {@link BackgroundWork}, which runs the queues and crons of tenants. */
export interface BackgroundWorkOptions {
  openCrons: OpenCronStore
  log(app: string, level: string, text: string): void
}

/** Runs the queues and crons of all tenants, as far as this process has these duties. */
export class BackgroundWork {
  #options: BackgroundWorkOptions
  #duties: BackgroundDuties = { queues: false, crons: false }
  #started = new Map<Tenant, Promise<Background | undefined>>()
  /** Promise that resolves when the next tenant's queues and crons may start. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(options: BackgroundWorkOptions) {
    this.#options = options
  }

  /** True if the process has to run queues or crons. */
  get hasDuties(): boolean {
    return this.#duties.queues || this.#duties.crons
  }

  /**
   * Sets this process's duties and stops all running queues and crons. Returns false if the duties are
   * unchanged.
   */
  async setDuties(duties: BackgroundDuties): Promise<boolean> {
    if (duties.queues === this.#duties.queues && duties.crons === this.#duties.crons) return false
    this.#duties = duties
    await Promise.all([...this.#started.keys()].map((tenant) => this.stop(tenant)))
    return true
  }

  /** Starts the queues and crons of a tenant; retries until they start. */
  start(tenant: Tenant): void {
    const { promise, resolve } = Promise.withResolvers<Background | undefined>()
    this.#started.set(tenant, promise)
    void this.#attempt(tenant, this.#duties).then(resolve)
  }

  async #attempt(tenant: Tenant, duties: BackgroundDuties): Promise<Background | undefined> {
    const { name } = tenant.record
    const log = (text: string): void => this.#options.log(name, 'error', text)
    for (let pause = 500; this.#started.has(tenant); pause = Math.min(pause * 2, 30_000)) {
      // Start the queues and crons of one tenant per turn: opening the files of a thousand apps at once would
      // block all requests.
      await (this.#turn = this.#turn.then(() => nextTurn()))
      if (!this.#started.has(tenant)) break
      try {
        return await startBackground(tenant, duties, (app) => this.#options.openCrons(app), log)
      } catch (error) {
        log(`Queues and crons do not start: ${errorText(error)}`)
        await sleep(pause, undefined, { ref: false })
      }
    }
    return undefined
  }

  async stop(tenant: Tenant): Promise<void> {
    const background = this.#started.get(tenant)
    this.#started.delete(tenant)
    const started = await background
    await started?.stop()
  }
}
