/** The page of one `unmoor dev`: its server, and what it knows of the app and its requests. */
import { randomBytes } from 'node:crypto'
import { Activity } from './activity.ts'
import { numberOf } from './arguments.ts'
import { compareOperations } from './compare.ts'
import { dataOperations } from './data.ts'
import { PageServer } from './page-server.ts'
import { RunningApp } from './running.ts'
import { type RuntimeParts, Runtimes } from './runtimes.ts'

/** Connects `unmoor dev` with its page. */
export class DevPage {
  readonly running = new RunningApp(randomBytes(24).toString('hex'))
  readonly activity = new Activity()
  /** Returns the URL of the app, which the page links to. */
  readonly #appUrl: () => string
  #server: PageServer | undefined
  #runtimes: Runtimes | undefined

  private constructor(appUrl: () => string) {
    this.#appUrl = appUrl
  }

  /**
   * Opens the page for the app at `appUrl`, on a loopback port; 0 takes a free one. A function is asked for
   * the URL each time, for a server that listens later. Without `compared` the page compares nothing.
   *
   * @throws `Unavailable` if the port cannot be had.
   */
  static async open(
    port: number,
    appUrl: string | (() => string),
    compared?: Omit<RuntimeParts, 'onLine'>,
  ): Promise<DevPage> {
    const page = new DevPage(typeof appUrl === 'string' ? () => appUrl : appUrl)
    const { running, activity } = page
    const runtimes = compared && new Runtimes({ ...compared, onLine: (line) => activity.line(line) })
    page.#runtimes = runtimes
    page.#server = await PageServer.listen(port, {
      running,
      operations: {
        status: async () => ({ ...running.status(), url: page.#appUrl() }),
        'log.read': async (given) => activity.since(numberOf(given, 'after', 0)),
        ...dataOperations(running),
        ...(runtimes && compareOperations(running, runtimes)),
      },
    })
    return page
  }

  /** URL of the page, with its token. */
  get url(): string {
    return this.#server?.url ?? ''
  }

  async close(): Promise<void> {
    this.running.failed('unmoor dev has stopped.', false)
    await Promise.all([this.#server?.close(), this.#runtimes?.clear()])
  }
}
