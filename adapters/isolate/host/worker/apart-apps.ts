import type { ApartSockets } from '../messages.ts'

/** Apps that have a process of their own, and where this process reaches it. */
export class ApartApps {
  #sockets: ApartSockets
  #waiting: (() => void)[] = []

  constructor(sockets: ApartSockets = {}) {
    this.#sockets = sockets
  }

  get names(): string[] {
    return Object.keys(this.#sockets)
  }

  has(app: string): boolean {
    return Object.hasOwn(this.#sockets, app)
  }

  update(sockets: ApartSockets): void {
    this.#sockets = sockets
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  /** Path of the app's socket, where its process is not being replaced. */
  socketOf(app: string): string | undefined {
    return (this.has(app) && this.#sockets[app]) || undefined
  }

  /**
   * The same once the process has been replaced; undefined where that takes more than `ms` milliseconds, or
   * where the app has no process of its own any more.
   */
  async whenServed(app: string, ms: number): Promise<string | undefined> {
    const deadline = performance.now() + ms
    while (this.has(app) && this.socketOf(app) === undefined) {
      const left = deadline - performance.now()
      if (left <= 0) return undefined
      const { promise, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(resolve, left)
      this.#waiting.push(resolve)
      await promise
      clearTimeout(timer)
    }
    return this.socketOf(app)
  }
}
