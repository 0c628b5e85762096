import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { UnmoorError } from '../../../../core/errors.ts'
import { makeFolders, writeDurably } from '../store/durable-files.ts'
import { addUsage, emptyUsage, type Usage } from '../usage.ts'

/** Usage per hour (milliseconds since 1970) and app. */
export type Hours = Map<number, Map<string, Usage>>

/** Adds usage to an hour. */
export function addTo(hours: Hours, hour: number, app: string, usage: Usage): void {
  const apps = hours.get(hour) ?? new Map<string, Usage>()
  hours.set(hour, apps)
  const sum = apps.get(app) ?? emptyUsage()
  addUsage(sum, usage)
  apps.set(app, sum)
}

/** Adds all of `more` to `hours`. */
export function addHours(hours: Hours, more: Hours): void {
  for (const [hour, apps] of more) for (const [app, usage] of apps) addTo(hours, hour, app, usage)
}

/** Usage in a JSON file: `{ "2026-11-25T08:00:00.000Z": { "shop": { "requests": 1, ... } } }`. */
export class UsageFile {
  #path: string

  constructor(path: string) {
    this.#path = path
  }

  /** @throws `Unavailable` for a file that is none of these: bills are not to be lost without a word. */
  async read(): Promise<Hours> {
    const hours: Hours = new Map()
    let text: string
    try {
      text = await readFile(this.#path, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return hours
      throw error
    }
    try {
      const data = JSON.parse(text) as Record<string, Record<string, Usage>>
      for (const [period, apps] of Object.entries(data))
        for (const [app, usage] of Object.entries(apps))
          addTo(hours, Date.parse(period), app, { ...emptyUsage(), ...usage })
      return hours
    } catch (cause) {
      throw new UnmoorError(
        'Unavailable',
        `The usage file ${this.#path} cannot be read: ${(cause as Error).message}. Mend it, or move it ` +
          'away to start afresh.',
        {
          operation: 'start',
          cause,
        },
      )
    }
  }

  /**
   * Adds what has come since; what another host has written meanwhile stays. Hours before `oldest` are left
   * out.
   */
  async add(more: Hours, oldest: number): Promise<void> {
    const hours = await this.read()
    addHours(hours, more)
    const data = Object.fromEntries(
      [...hours]
        .filter(([hour]) => hour >= oldest)
        .map(([hour, apps]) => [new Date(hour).toISOString(), Object.fromEntries(apps)]),
    )
    await makeFolders(dirname(this.#path))
    await writeDurably(this.#path, JSON.stringify(data))
  }
}
