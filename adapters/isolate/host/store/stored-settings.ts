import { ARTIFACT_FORMAT } from '../../../../core/adapter.ts'
import { checkFormat, driversInSeconds } from '../../../../core/old-units.ts'
import type { AppSettings } from '../app-record.ts'

/**
 * An app's settings as the store keeps them. A version before 0.2 wrote no format, and its time-outs are in
 * milliseconds.
 */
export function writeSettings(settings: AppSettings): string {
  return JSON.stringify({ format: ARTIFACT_FORMAT, ...settings })
}

/** @throws `InvalidArgument` for settings of a version that came after this one. */
export function readSettings(text: string, app: string): AppSettings {
  const { format, ...settings } = JSON.parse(text) as AppSettings & { format?: unknown }
  checkFormat(format, `The stored settings of "${app}"`)
  if (format !== undefined || settings.drivers === undefined) return settings
  return { ...settings, drivers: driversInSeconds(settings.drivers) }
}
