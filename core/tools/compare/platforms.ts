/**
 * Date on which the platforms' limits were read, in stored copies of their pages, since the live pages were
 * out of reach. The portable limits (`core/limits.ts`) are enforced everywhere; these limits are what a
 * platform adds, as published. Null: the platform sets no limit, only the machine does.
 */
export const PLATFORM_LIMITS_READ = '2026-11-25'

export interface PlatformLimits {
  /** Bytes of a request's body at most. */
  readonly requestBody: number | null
  /** Bytes of an answer at most. */
  readonly responseBody: number | null
  /** Milliseconds of CPU time that one request may take. */
  readonly cpuMs: number | null
  /** Seconds that one request may last. */
  readonly wallSeconds: number | null
  /** MB of memory per instance. */
  readonly memoryMb: number | null
  /** Requests that one instance handles at once. */
  readonly concurrency: number | null
  /** Bytes of the uploaded bundle, or of the image for Lambda. */
  readonly bundle: number | null
  readonly source: string
}

const MB = 1024 * 1024

export const PLATFORM_LIMITS: Readonly<Record<string, PlatformLimits>> = {
  node: {
    requestBody: null,
    responseBody: null,
    cpuMs: null,
    wallSeconds: null,
    memoryMb: null,
    concurrency: null,
    bundle: null,
    source: 'your machine',
  },
  cloudflare: {
    requestBody: 100 * MB,
    responseBody: null,
    cpuMs: 30_000,
    wallSeconds: null,
    memoryMb: 128,
    concurrency: null,
    bundle: 64 * MB,
    source:
      'developers.cloudflare.com/workers/platform/limits (copy of autumn 2026; 100 MB: zones on Free ' +
      'and Pro; CPU by default, up to 5 minutes; bundle not compressed, since 2026-09-04)',
  },
  lambda: {
    requestBody: 6 * MB,
    responseBody: 200 * MB,
    cpuMs: null,
    wallSeconds: 900,
    memoryMb: 10_240,
    concurrency: 1,
    bundle: 10 * 1024 * MB,
    source:
      'docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html and ' +
      'configuration-response-streaming.html (copies of 2026; streamed answers, 6 MB buffered)',
  },
  isolate: {
    requestBody: null,
    responseBody: null,
    cpuMs: 1000,
    wallSeconds: null,
    memoryMb: 128,
    concurrency: null,
    bundle: null,
    source: 'adapters/isolate/README.md (defaults, yours to set)',
  },
}

/** Rows of the report's table of limits, in their order. */
export const LIMIT_ROWS: readonly {
  readonly name: Exclude<keyof PlatformLimits, 'source'>
  readonly label: string
  readonly unit: 'bytes' | 'ms' | 's' | 'MB' | ''
}[] = [
  { name: 'requestBody', label: 'request body', unit: 'bytes' },
  { name: 'responseBody', label: 'answer', unit: 'bytes' },
  { name: 'cpuMs', label: 'CPU per request', unit: 'ms' },
  { name: 'wallSeconds', label: 'time per request', unit: 's' },
  { name: 'memoryMb', label: 'memory', unit: 'MB' },
  { name: 'concurrency', label: 'requests at once per instance', unit: '' },
  { name: 'bundle', label: 'bundle or image', unit: 'bytes' },
]
