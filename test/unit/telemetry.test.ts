/** The recorder of traces without a target: headers, settings, samplers, OTLP/JSON, and what a build has. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { AnyConfig } from '../../core/config.ts'
import { Exporter } from '../../core/telemetry/exporter.ts'
import { encodeSpans, KIND, type Span } from '../../core/telemetry/otlp.ts'
import { createSampler } from '../../core/telemetry/sampler.ts'
import { readSettings, type Settings } from '../../core/telemetry/settings.ts'
import { formatTraceparent, parseTraceparent, randomId } from '../../core/telemetry/trace-context.ts'
import { buildApp } from '../../core/tools/build/build.ts'
import { bundle } from '../../core/tools/build/bundle.ts'
import { type Behaviour, startCollector } from '../targets/collector.ts'
import { appSource, bareAdapter, tempProject } from './temp-project.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const SPAN = 'b7ad6b7169203331'
const SILENT = { info() {}, warn() {} }

describe('traceparent', () => {
  it('is read and written as it was', () => {
    const header = `00-${TRACE}-${SPAN}-01`
    const context = parseTraceparent(header, 'vendor=1')
    expect(context).toEqual({ traceId: TRACE, spanId: SPAN, sampled: true, state: 'vendor=1' })
    expect(context && formatTraceparent(context)).toBe(header)
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-00`)?.sampled).toBe(false)
  })

  it('of a later version may have more fields and flags', () => {
    expect(parseTraceparent(`01-${TRACE}-${SPAN}-03-more`)).toMatchObject({ traceId: TRACE, sampled: true })
  })

  it.each([
    null,
    '',
    `00-${TRACE}-${SPAN}`,
    `00-${TRACE}-${SPAN}-01-more`,
    `ff-${TRACE}-${SPAN}-01`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${TRACE.slice(1)}-${SPAN}-01`,
  ])('%j is ignored', (header) => {
    expect(parseTraceparent(header)).toBeUndefined()
  })

  it('drops a tracestate over 512 characters', () => {
    const header = `00-${TRACE}-${SPAN}-01`
    expect(parseTraceparent(header, 'a='.padEnd(512, 'x'))?.state).toHaveLength(512)
    expect(parseTraceparent(header, 'a='.padEnd(513, 'x'))?.state).toBeUndefined()
  })

  it('ids are random hexadecimal digits', () => {
    expect(randomId(16)).toMatch(/^[\da-f]{32}$/)
    expect(randomId(8)).toMatch(/^[\da-f]{16}$/)
    expect(randomId(8)).not.toBe(randomId(8))
  })
})

const read = (variables: Record<string, string>): Settings | undefined =>
  readSettings('links', (name) => variables[name])
const ON = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' }

describe('settings', () => {
  it('are off without an endpoint, and an empty variable counts as not set', () => {
    expect(read({})).toBeUndefined()
    expect(read({ OTEL_EXPORTER_OTLP_ENDPOINT: '', OTEL_TRACES_SAMPLER: 'always_on' })).toBeUndefined()
    expect(read({ ...ON, OTEL_SDK_DISABLED: 'TRUE' })).toBeUndefined()
    expect(read({ ...ON, OTEL_TRACES_EXPORTER: 'none' })).toBeUndefined()
  })

  it('have the defaults of the specification, but for the time-out', () => {
    expect(read({ ...ON, OTEL_TRACES_SAMPLER: '' })).toMatchObject({
      url: 'http://127.0.0.1:4318/v1/traces',
      timeout: 1000,
      resource: { 'service.name': 'links' },
      propagators: ['tracecontext'],
    })
  })

  it('append /v1/traces to the general endpoint and take the one for traces as given', () => {
    const url = (variables: Record<string, string>): string | undefined => read(variables)?.url
    expect(url({ OTEL_EXPORTER_OTLP_ENDPOINT: 'https://otlp.example.com/base/?a=1' })).toBe(
      'https://otlp.example.com/base/v1/traces?a=1',
    )
    expect(url({ ...ON, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://t.example.com' })).toBe(
      'https://t.example.com/',
    )
  })

  it('prefer variables for traces, and the service name over the resource attributes', () => {
    const settings = read({
      ...ON,
      OTEL_EXPORTER_OTLP_TIMEOUT: '200',
      OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: '300',
      OTEL_RESOURCE_ATTRIBUTES: 'service.name=a, service.version=1%2C2',
      OTEL_SERVICE_NAME: 'b',
      OTEL_PROPAGATORS: 'tracecontext, baggage',
      OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/json',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
    })
    expect(settings).toMatchObject({
      timeout: 300,
      resource: { 'service.name': 'b', 'service.version': '1,2' },
      propagators: ['tracecontext', 'baggage'],
    })
    expect(read({ ...ON, OTEL_PROPAGATORS: 'none' })?.propagators).toEqual([])
  })

  it.each([
    ['OTEL_SDK_DISABLED', 'yes', 'true, false'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'localhost:4318', 'an http URL'],
    ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'collector', 'an http URL'],
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc', 'http/json'],
    ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'http/protobuf', 'http/json'],
    ['OTEL_EXPORTER_OTLP_TIMEOUT', '1s', '1 to 600000'],
    ['OTEL_EXPORTER_OTLP_TRACES_TIMEOUT', '0', '1 to 600000'],
    ['OTEL_TRACES_EXPORTER', 'zipkin', 'otlp, none'],
    ['OTEL_TRACES_SAMPLER', 'xray', 'always_on, always_off, traceidratio, parentbased_always_on'],
    ['OTEL_PROPAGATORS', 'tracecontext,b3', 'tracecontext, baggage, none'],
    ['OTEL_RESOURCE_ATTRIBUTES', 'production', 'name=value,name=value'],
    ['OTEL_RESOURCE_ATTRIBUTES', 'a=%zz', 'name=value,name=value'],
  ])('%s=%s is refused by name with what is allowed', (name, value, allowed) => {
    expect(() => read({ ...ON, [name]: value })).toThrow(
      `${name} is ${JSON.stringify(value)}. Allowed: ${allowed}`,
    )
  })

  it('refuse a ratio outside of 0 to 1, and ignore it for other samplers', () => {
    const sampled = (sampler: string, ratio: string): Settings | undefined =>
      read({ ...ON, OTEL_TRACES_SAMPLER: sampler, OTEL_TRACES_SAMPLER_ARG: ratio })
    for (const ratio of ['1.1', '-1', 'half'])
      expect(() => sampled('traceidratio', ratio)).toThrow('OTEL_TRACES_SAMPLER_ARG is')
    expect(sampled('always_on', 'half')).toBeDefined()
    expect(sampled('parentbased_traceidratio', '0')).toBeDefined()
  })
})

describe('samplers', () => {
  const parent = (sampled: boolean): { traceId: string; spanId: string; sampled: boolean } => ({
    traceId: TRACE,
    spanId: SPAN,
    sampled,
  })

  it('with a parent follow it only if they are parent-based', () => {
    expect(createSampler('parentbased_always_on', 1)(TRACE, parent(false))).toBe(false)
    expect(createSampler('parentbased_always_off', 1)(TRACE, parent(true))).toBe(true)
    expect(createSampler('always_on', 1)(TRACE, parent(false))).toBe(true)
    expect(createSampler('always_off', 1)(TRACE, parent(true))).toBe(false)
    expect(createSampler('parentbased_always_on', 1)(TRACE, undefined)).toBe(true)
    expect(createSampler('parentbased_always_off', 1)(TRACE, undefined)).toBe(false)
  })

  it('by ratio decide by the last 13 digits of the trace id alone', () => {
    const at = (ratio: number, random: string): boolean =>
      createSampler('traceidratio', ratio)(`${'f'.repeat(19)}${random}`, undefined)
    expect(at(0, 'f'.repeat(13))).toBe(false)
    expect(at(1, '0'.repeat(13))).toBe(true)
    expect(at(0.25, 'c000000000000')).toBe(true)
    expect(at(0.25, 'bffffffffffff')).toBe(false)
  })
})

const SPAN_OF_A_REQUEST: Span = {
  context: { traceId: TRACE, spanId: SPAN, sampled: true, state: 'vendor=1' },
  parent: { traceId: TRACE, spanId: '00f067aa0ba902b7', sampled: true },
  isRemote: true,
  name: 'GET',
  kind: KIND.server,
  attributes: { text: 'a', whole: 200, fraction: 0.5, flag: true },
  start: 1_790_000_000_123.456,
  end: 1_790_000_000_124,
  isError: true,
}

describe('OTLP/JSON', () => {
  const span = SPAN_OF_A_REQUEST

  it('has ids as hexadecimal digits, enums as numbers and times as texts of nanoseconds', () => {
    expect(JSON.parse(encodeSpans({ 'service.name': 'links' }, [span]))).toEqual({
      resourceSpans: [
        {
          resource: { attributes: [{ key: 'service.name', value: { stringValue: 'links' } }] },
          scopeSpans: [
            {
              scope: { name: 'unmoor' },
              spans: [
                {
                  traceId: TRACE,
                  spanId: SPAN,
                  traceState: 'vendor=1',
                  parentSpanId: '00f067aa0ba902b7',
                  flags: 0x301,
                  name: 'GET',
                  kind: 2,
                  startTimeUnixNano: '1790000000123456000',
                  endTimeUnixNano: '1790000000124000000',
                  attributes: [
                    { key: 'text', value: { stringValue: 'a' } },
                    { key: 'whole', value: { intValue: '200' } },
                    { key: 'fraction', value: { doubleValue: 0.5 } },
                    { key: 'flag', value: { boolValue: true } },
                  ],
                  status: { code: 2 },
                },
              ],
            },
          ],
        },
      ],
    })
  })

  it("says what OpenTelemetry's serializer says, but for defaults and the form of whole numbers", () => {
    // Written by JsonTraceSerializer of @opentelemetry/otlp-transformer 0.223.1 for the same span.
    const official = `{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":
      "links"}}],"droppedAttributesCount":0},"scopeSpans":[{"scope":{"name":"unmoor"},"spans":[{"traceId":
      "0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331","parentSpanId":"00f067aa0ba902b7","name":
      "GET","kind":2,"startTimeUnixNano":"1790000000123456000","endTimeUnixNano":"1790000000124000000",
      "attributes":[{"key":"text","value":{"stringValue":"a"}},{"key":"whole","value":{"intValue":200}},{"key":
      "fraction","value":{"doubleValue":0.5}},{"key":"flag","value":{"boolValue":true}}],
      "droppedAttributesCount":0,"events":[],"droppedEventsCount":0,"status":{"code":2},"links":[],
      "droppedLinksCount":0,"flags":769}]}]}]}`
    // Protobuf's JSON leaves defaults out and has 64-bit integers as texts; a reader takes both forms.
    const normal: unknown = JSON.parse(official, (key: string, value: unknown) =>
      key === 'intValue' ? `${value as number}` : value === 0 || String(value) === '' ? undefined : value,
    )
    const own = { ...span, context: { ...span.context, state: undefined } }
    expect(JSON.parse(encodeSpans({ 'service.name': 'links' }, [own]))).toEqual(normal)
  })

  it('leaves out what a root span without a state has not', () => {
    const root = {
      ...span,
      parent: undefined,
      isRemote: false,
      isError: false,
      context: { ...span.context, state: undefined },
    }
    const text = encodeSpans({}, [root])
    expect(text).not.toMatch(/parentSpanId|traceState|"code"/)
    expect(text).toContain('"flags":257')
  })
})

describe('the exporter', () => {
  afterEach(() => {
    vi.useRealTimers()
    vi.restoreAllMocks()
  })

  const exporterTo = (url: string, headers: string | null = null): Exporter => {
    const settings = read({ OTEL_EXPORTER_OTLP_ENDPOINT: url })
    if (settings === undefined) throw new Error('off')
    return new Exporter(settings, { fetch, headers: async () => headers })
  }
  /** Sends as often as asked and returns what was logged. */
  const logged = async (behaviour: Behaviour, headers: string | null, spans: number[]): Promise<string[]> => {
    const lines: string[] = []
    vi.spyOn(console, 'error').mockImplementation((line: string) => void lines.push(line))
    await using collector = await startCollector(behaviour)
    const exporter = exporterTo(collector.url, headers)
    for (const count of spans) await exporter.send(Array.from({ length: count }, () => SPAN_OF_A_REQUEST))
    return lines.map((line) => line.replace(new URL(collector.url).host, 'HOST'))
  }

  it('posts all spans of a call at once, with the secret headers', async () => {
    await using collector = await startCollector()
    await exporterTo(collector.url, 'x-key=a%2Cb').send([SPAN_OF_A_REQUEST, SPAN_OF_A_REQUEST])
    expect(collector.posts).toHaveLength(1)
    expect(collector.posts[0]).toMatchObject({ path: '/v1/traces', headers: { 'x-key': 'a,b' } })
    expect(collector.spans()).toHaveLength(2)
  })

  it('logs the spans that a collector refuses although it answers 200', async () => {
    const body = JSON.stringify({ partialSuccess: { rejectedSpans: '2', errorMessage: 'too old' } })
    expect(await logged({ status: 200, body }, null, [3])).toEqual([
      'tracing: 2 spans were not exported to HOST: too old',
    ])
    expect(await logged({ status: 200, body: 'thanks' }, null, [3])).toEqual([])
  })

  it('logs once a minute, and then all spans that were lost since', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: 1_790_000_000_000 })
    const lines: string[] = []
    vi.spyOn(console, 'error').mockImplementation((line: string) => void lines.push(line))
    await using collector = await startCollector({ status: 400, body: 'no' })
    const exporter = exporterTo(collector.url)
    await exporter.send([SPAN_OF_A_REQUEST])
    await exporter.send([SPAN_OF_A_REQUEST, SPAN_OF_A_REQUEST])
    vi.setSystemTime(1_790_000_059_999)
    await exporter.send([SPAN_OF_A_REQUEST])
    expect(lines).toHaveLength(1)
    vi.setSystemTime(1_790_000_060_000)
    await exporter.send([SPAN_OF_A_REQUEST])
    vi.useRealTimers()
    expect(lines.map((line) => line.replace(/127[\d.]+:\d+/, 'HOST'))).toEqual([
      'tracing: 1 spans were not exported to HOST: 400 no',
      'tracing: 4 spans were not exported to HOST: 400 no',
    ])
  })

  it('says which variable has wrong headers without their value', async () => {
    const lines = await logged('take', 'hunter2', [1])
    expect(lines.join()).toContain('OTEL_EXPORTER_OTLP_HEADERS is not name=value')
    expect(lines.join()).not.toContain('hunter2')
  })

  it('posts what ends during a post at once after it, and loses what is over 2,048 spans', async () => {
    const lines: string[] = []
    vi.spyOn(console, 'error').mockImplementation((line: string) => void lines.push(line))
    const settings = read(ON)
    if (settings === undefined) throw new Error('off')
    const answers: ((answer: Response) => void)[] = []
    const counts: number[] = []
    const held: typeof fetch = (_url, init) => {
      counts.push(String(init?.body).split('"traceId"').length - 1)
      return new Promise((resolve) => void answers.push(resolve))
    }
    const exporter = new Exporter(settings, { fetch: held, headers: async () => null })
    const first = exporter.send([SPAN_OF_A_REQUEST])
    await expect.poll(() => counts).toEqual([1])
    const many = Array.from({ length: 1024 }, () => SPAN_OF_A_REQUEST)
    const second = exporter.send(many)
    const third = exporter.send(many)
    const fourth = exporter.send([SPAN_OF_A_REQUEST])
    expect(lines).toEqual(['tracing: 1 spans were not exported to 127.0.0.1:4318: too slow'])
    answers[0]?.(new Response('{}'))
    await first
    await expect.poll(() => counts).toEqual([1, 2048])
    answers[1]?.(new Response('{}'))
    await Promise.all([second, third, fourth])
    expect(counts).toEqual([1, 2048])
  })
})

describe('builds', () => {
  const build = async (
    config: AnyConfig,
    source = appSource(),
  ): Promise<{ code: string; variables: string[] }> => {
    await using project = await tempProject({ 'src/app.ts': source })
    const { outDir, info } = await buildApp({
      projectDir: project.dir,
      target: 'cloudflare',
      config: { name: 'traced', ...config },
      log: SILENT,
    })
    return {
      code: await readFile(join(outDir, 'worker/index.js'), 'utf8'),
      variables: Object.keys(info.manifest.bindings),
    }
  }

  it('without telemetry have nothing of it', async () => {
    const off = await build({})
    expect(off.code).not.toMatch(/OTEL|traceparent|resourceSpans|async_hooks/)
    expect(off.variables).toEqual([])
    expect((await build({ telemetry: false })).code).toBe(off.code)
  })

  it("with telemetry declare OpenTelemetry's variables, whose values the config may have", async () => {
    const on = await build({ telemetry: true, variables: { OTEL_SERVICE_NAME: 'shop' } })
    expect(on.code).toContain('traceparent')
    expect(on.variables).toHaveLength(15)
    expect(on.code).toMatch(/OTEL_SERVICE_NAME.{0,99}shop/)
  })

  it('keep a declaration of the app that has the name of one of the variables', async () => {
    const { variables } = await build(
      { telemetry: true },
      appSource({ bindings: "otelServiceName: unmoor.variable({ default: 'own' })" }),
    )
    expect(variables).toHaveLength(15)
    expect(variables).not.toContain('OTEL_SERVICE_NAME')
  })

  it('refuse a value that is no boolean, an unknown variable, and an existing Worker', async () => {
    const refused = (config: object): Promise<unknown> => build(config).catch((error: unknown) => error)
    expect(await refused({ telemetry: 'on' })).toMatchObject({
      code: 'InvalidArgument',
      message: 'config: telemetry must be true or false; it is "on".',
    })
    expect(await refused({ telemetry: true, variables: { OTEL_SERVICENAME: 'x' } })).toMatchObject({
      message: expect.stringContaining('Did you mean "OTEL_SERVICE_NAME"?'),
    })
    expect(await refused({ telemetry: true, worker: './wrangler.jsonc' })).toMatchObject({
      message: expect.stringContaining('telemetry: existing Workers are not recorded yet'),
    })
  })

  it('are refused for a target without AsyncLocalStorage', async () => {
    await using project = await tempProject({ 'src/app.ts': appSource() })
    const config = { name: 'traced', telemetry: true }
    const adapter = bareAdapter()
    await expect(
      buildApp({ projectDir: project.dir, target: 'bare', adapter, config, log: SILENT }),
    ).rejects.toMatchObject({
      code: 'InvalidArgument',
      message: expect.stringContaining('telemetry: the target "bare" lacks node:async_hooks'),
    })
  })

  it('have at most 6,144 bytes of recorder, minified and compressed', async () => {
    await using project = await tempProject({
      'src/app.ts': 'export default {}',
      'src/entry.ts': '',
    })
    const size = async (entry: string): Promise<number> => {
      await bundle(
        { entry, file: 'out.mjs', minify: true },
        {
          projectDir: project.dir,
          outDir: project.dir,
          appEntry: join(project.dir, 'src/app.ts'),
          target: 'node',
          conditions: [],
          nodeBuiltins: [],
          log: SILENT,
          sourcemap: false,
        },
      )
      return gzipSync(await readFile(join(project.dir, 'out.mjs'))).length
    }
    const recorder = await size(`export { withTelemetry } from 'unmoor/internal/telemetry'`)
    expect(recorder).toBeLessThanOrEqual(6144)
  })
})
