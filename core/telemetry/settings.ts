/** Settings of the recorder, read from OpenTelemetry's standard variables. */
import { createSampler, type Sampler, SAMPLERS } from './sampler.ts'

/** Settings of a recorder that is on. */
export interface Settings {
  /** URL to which traces are posted. */
  readonly url: string
  /** Milliseconds after which a post to the collector is given up. */
  readonly timeout: number
  /** Attributes of the resource, such as `service.name`. */
  readonly resource: Readonly<Record<string, string>>
  readonly sampler: Sampler
  /** Propagators in use: `tracecontext`, `baggage`, or neither. */
  readonly propagators: readonly string[]
}

/**
 * Default of `OTEL_EXPORTER_OTLP_TIMEOUT` in milliseconds. The specification has 10,000; but an environment
 * of Lambda takes no request while its last export runs.
 */
const TIMEOUT = 1000

/**
 * Reads the settings. Returns undefined if tracing is off: without an endpoint, or by `OTEL_SDK_DISABLED` or
 * `OTEL_TRACES_EXPORTER=none`. An empty variable counts as not set (OpenTelemetry's specification).
 *
 * @throws an error that names the variable, its value and what is allowed.
 */
export function readSettings(
  app: string,
  variable: (name: string) => string | undefined,
): Settings | undefined {
  const get = (name: string): string | undefined => variable(`OTEL_${name}`)?.trim() || undefined
  if (choice(get, ['SDK_DISABLED'], ['true', 'false'], 'false') === 'true') return undefined
  const exporter = choice(get, ['TRACES_EXPORTER'], ['otlp', 'none'], 'otlp')
  const [name, endpoint] = first(get, otlp('ENDPOINT'))
  if (exporter === 'none' || endpoint === undefined) return undefined
  const url = URL.parse(endpoint)
  if (url === null || !/^https?:$/.test(url.protocol)) throw wrong(name, endpoint, 'an http URL')
  if (name === 'EXPORTER_OTLP_ENDPOINT') url.pathname = `${url.pathname.replace(/\/$/, '')}/v1/traces`
  choice(get, otlp('PROTOCOL'), ['http/json'], 'http/json')
  const sampler = choice(get, ['TRACES_SAMPLER'], SAMPLERS, 'parentbased_always_on')
  const isRatio = sampler.endsWith('ratio')
  const ratio = isRatio ? number(get, ['TRACES_SAMPLER_ARG'], 1, [0, 1]) : 1
  return {
    url: url.href,
    timeout: number(get, otlp('TIMEOUT'), TIMEOUT, [1, 600_000]),
    resource: readResource(app, get),
    sampler: createSampler(sampler, ratio),
    propagators: readPropagators(get),
  }
}

type Get = (name: string) => string | undefined
/** Names of variables without `OTEL_`; the first that is set counts. */
type Names = readonly [string, ...string[]]

/** Names of a setting of the exporter: the one for traces, and the one for all signals. */
const otlp = (name: string): Names => [`EXPORTER_OTLP_TRACES_${name}`, `EXPORTER_OTLP_${name}`]

/** Returns the first variable of `names` that is set, and its value; the first name if none is. */
function first(get: Get, names: Names): [name: string, value: string | undefined] {
  const name = names.find((one) => get(one) !== undefined) ?? names[0]
  return [name, get(name)]
}

function wrong(name: string, value: string, allowed: string): Error {
  return new Error(`OTEL_${name} is ${JSON.stringify(value)}. Allowed: ${allowed}.`)
}

function choice(get: Get, names: Names, allowed: readonly string[], fallback: string): string {
  const [name, value] = first(get, names)
  if (value === undefined) return fallback
  const known = value.toLowerCase()
  if (!allowed.includes(known)) throw wrong(name, value, allowed.join(', '))
  return known
}

function number(get: Get, names: Names, fallback: number, [least, most]: [number, number]): number {
  const [name, text] = first(get, names)
  if (text === undefined) return fallback
  const value = Number(text)
  if (!(value >= least && value <= most)) throw wrong(name, text, `${least} to ${most}`)
  return value
}

function readPropagators(get: Get): string[] {
  const text = get('PROPAGATORS') ?? 'tracecontext'
  const given = text.split(/\s*,\s*/)
  if (!given.every((one) => /^(?:tracecontext|baggage|none)$/.test(one)))
    throw wrong('PROPAGATORS', text, 'tracecontext, baggage, none')
  return given.includes('none') ? [] : given
}

function readResource(app: string, get: Get): Record<string, string> {
  const name = 'RESOURCE_ATTRIBUTES'
  const resource: Record<string, string> = {
    'service.name': app,
    'telemetry.sdk.name': 'unmoor',
    'telemetry.sdk.language': 'nodejs',
  }
  const text = get(name)
  if (text !== undefined)
    try {
      Object.assign(resource, parsePairs(text))
    } catch {
      throw wrong(name, text, 'name=value,name=value')
    }
  const service = get('SERVICE_NAME')
  return service === undefined ? resource : { ...resource, 'service.name': service }
}

/**
 * Parses `name=value,name=value` with percent-encoded values, as OpenTelemetry's variables have resource
 * attributes and headers. @throws if a pair has no name or no `=`, or is not percent-encoded.
 */
export function parsePairs(text: string): Record<string, string> {
  return Object.fromEntries(
    text
      .split(',')
      .filter((pair) => pair.trim() !== '')
      .map((pair) => {
        const at = pair.indexOf('=')
        const name = pair.slice(0, Math.max(0, at)).trim()
        if (name === '') throw new Error()
        return [decodeURIComponent(name), decodeURIComponent(pair.slice(at + 1).trim())]
      }),
  )
}
