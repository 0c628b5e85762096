import type { LimitName } from '../limits.ts'
import type { Usage } from '../usage.ts'

/**
 * Limits whose hits slow down other apps of the same process: an app that hits one has kept a core, the
 * shared thread or much memory busy.
 */
const FELT: readonly LimitName[] = ['cpuMs', 'memoryMb', 'startupCpuMs', 'hostMs']
/** Number of limit hits within {@link WINDOW_MS} that make an app count as noisy. */
const HITS = 4
const WINDOW_MS = 20_000

/** Finds the apps that run into their limits again and again. */
export class NoiseWatch {
  #hits = new Map<string, number[]>()

  /** Adds an app's reported usage; returns true if the app has hit its limits too often of late. */
  isNoisy(app: string, { limits }: Usage): boolean {
    const count = FELT.reduce((sum, name) => sum + (limits[name] ?? 0), 0)
    if (count === 0) return false
    const now = performance.now()
    const recent = [
      ...(this.#hits.get(app) ?? []).filter((time) => now - time < WINDOW_MS),
      ...Array.from({ length: count }, () => now),
    ]
    this.#hits.set(app, recent)
    return recent.length >= HITS
  }

  forget(app: string): void {
    this.#hits.delete(app)
  }
}
