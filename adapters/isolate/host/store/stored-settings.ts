import { ARTIFACT_FORMAT } from '../../../../core/adapter.ts'
import { checkFormat, driversInSeconds } from '../../../../core/old-units.ts'
import type { AppSettings } from '../app-record.ts'

/**
 * Serializes an app's settings for the store. Settings from before 0.2 have no `format`, and their timeouts
 * are in milliseconds.
 */
export function writeSettings(settings: AppSettings): string {
  return JSON.stringify({ format: ARTIFACT_FORMAT, ...settings })
}

/**
 * Parses an app's stored settings.
 *
 * @throws `InvalidArgument` for settings of a later version of unmoor.
 */
export function readSettings(text: string, app: string): AppSettings {
  const { format, ...settings } = JSON.parse(text) as AppSettings & { format?: unknown }
  checkFormat(format, `The stored settings of "${app}"`)
  if (format !== undefined || settings.drivers === undefined) return settings
  return { ...settings, drivers: driversInSeconds(settings.drivers) }
}
