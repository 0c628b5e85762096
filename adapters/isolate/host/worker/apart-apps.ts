import type { ApartPlaces } from '../messages.ts'

/** Where an app is reached: a path of a socket here, or the address of another host. */
export type Place = string | { address: string }

/** Apps that have a process of their own, here or on another host, and where this process reaches it. */
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

  /** Where the app is, if it is not being replaced; `refused` with the reason why it is nowhere. */
  placeOf(app: string): Place | { refused: string } | undefined {
    return (this.has(app) && this.#places[app]) || undefined
  }

  /**
   * The same once the process has been replaced, which takes at most `ms` milliseconds. Undefined where the
   * app
   * has no process of its own any more.
   */
  async whenServed(app: string, ms: number): Promise<Place | { refused: string } | undefined> {
    const deadline = performance.now() + ms
    while (this.has(app) && this.placeOf(app) === undefined) {
      const left = deadline - performance.now()
      if (left <= 0) return { refused: 'the app is being replaced by another version' }
      const { promise, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(resolve, left)
      this.#waiting.push(resolve)
      await promise
      clearTimeout(timer)
    }
    return this.placeOf(app)
  }
}
