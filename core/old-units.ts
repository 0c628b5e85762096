import { ARTIFACT_FORMAT, type ArtifactInfo, type DriverSpec } from './adapter.ts'
import { UnmoorError } from './errors.ts'

/** Driver options that were in milliseconds before format 2 of `unmoor.json`: option paths by driver. */
const MILLISECONDS: Readonly<Record<string, readonly string[]>> = {
  http: ['timeout'],
  dynamodb: ['timeout'],
  s3: ['timeout'],
  sqs: ['timeout'],
  secretsmanager: ['timeout'],
  ssm: ['timeout'],
  postgres: ['bytes.timeout'],
  sqlite: ['busyTimeout'],
}

/** Converts a driver's options written before format 2 of `unmoor.json` to today's units. */
export function inSeconds(spec: DriverSpec): DriverSpec {
  const paths = Object.hasOwn(MILLISECONDS, spec.driver) ? (MILLISECONDS[spec.driver] ?? []) : []
  return paths.reduce((options, path) => divided(options, path.split('.')), spec)
}

function divided<Options extends Readonly<Record<string, unknown>>>(
  options: Options,
  [name = '', ...rest]: readonly string[],
): Options {
  const value = options[name]
  if (rest.length > 0) return isObject(value) ? { ...options, [name]: divided(value, rest) } : options
  return typeof value === 'number' ? { ...options, [name]: value / 1000 } : options
}

/** Converts the time-outs of all drivers to seconds; the drivers are keyed by binding. */
export function driversInSeconds<Spec extends string | DriverSpec>(
  drivers: Readonly<Record<string, Spec>>,
): Record<string, Spec | DriverSpec> {
  return Object.fromEntries(
    Object.entries(drivers).map(([binding, spec]) => [
      binding,
      typeof spec === 'string' ? spec : inSeconds(spec),
    ]),
  )
}

/**
 * Converts the `unmoor.json` of an artifact to today's format.
 *
 * @throws `InvalidArgument` for a format that a later version wrote. `where` names the artifact in the error.
 */
export function presentInfo(info: ArtifactInfo, where: string): ArtifactInfo {
  checkFormat(info.format, where)
  if (info.format !== undefined) return info
  return { ...info, format: ARTIFACT_FORMAT, drivers: driversInSeconds(info.drivers) }
}

/**
 * Checks the format version of an `unmoor.json`. @throws `InvalidArgument` for a version that this release
 * does not know.
 */
export function checkFormat(format: unknown, where: string): void {
  if (format === undefined || format === ARTIFACT_FORMAT) return
  throw new UnmoorError(
    'InvalidArgument',
    `${where} has the format ${JSON.stringify(format)}, which another version of unmoor wrote; this one ` +
      `knows ${ARTIFACT_FORMAT}. Use that version, or build or deploy again.`,
    { operation: 'start' },
  )
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
