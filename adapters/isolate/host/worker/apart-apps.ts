import type { ApartPlaces } from '../messages.ts'

/** Location of an app: a socket path on this host, or the address of another host. */
export type Place = string | { address: string }

/**
 * Apps that this process does not serve, and the location of the process that does, here or on another host.
 */
export class ApartApps {
  #places: ApartPlaces
  #waiting: (() => void)[] = []

  constructor(places: ApartPlaces = {}) {
    this.#places = places
  }

  get names(): string[] {
    return Object.keys(this.#places)
  }

  has(app: string): boolean {
    return Object.hasOwn(this.#places, app)
  }

  update(places: ApartPlaces): void {
    this.#places = places
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  /** Resolves at the next {@link update} of the apps' locations, or after `ms` milliseconds. */
  async changed(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, ms)
    this.#waiting.push(resolve)
    await promise
    clearTimeout(timer)
  }

  /**
   * Returns the app's location; `refused` with a reason if nobody serves the app. Undefined while the app's
   * process is being replaced.
   */
  placeOf(app: string): Place | { refused: string } | undefined {
    return (this.has(app) && this.#places[app]) || undefined
  }

  /**
   * Resolves to the app's location once its process has been replaced, for at most `ms` milliseconds.
   * Undefined if the app no longer has a process of its own.
   */
  async whenServed(app: string, ms: number): Promise<Place | { refused: string } | undefined> {
    const deadline = performance.now() + ms
    while (this.has(app) && this.placeOf(app) === undefined) {
      const left = deadline - performance.now()
      if (left <= 0) return { refused: 'the app is being replaced by another version' }
      await this.changed(left)
    }
    return this.placeOf(app)
  }
}
