/**
 * Date on which the platforms' limits were read, in stored copies of their pages, since the live pages were
 * out of reach. The portable limits (`core/limits.ts`) are enforced everywhere; these limits are what a
 * platform adds, as published. Null: the platform sets no limit, only the machine does.
 */
export const PLATFORM_LIMITS_READ = '2026-11-25'

export interface PlatformLimits {
  /** Platform limit on a request's body, in bytes. */
  readonly requestBody: number | null
  /** Platform limit on an answer, in bytes. */
  readonly responseBody: number | null
  /** Platform limit on the CPU time of one request, in milliseconds. */
  readonly cpuMs: number | null
  /** Platform limit on the duration of one request, in seconds. */
  readonly wallSeconds: number | null
  /** Platform limit on the memory of an instance, in MB. */
  readonly memoryMb: number | null
  /** Platform limit on the number of requests that one instance handles at once. */
  readonly concurrency: number | null
  /** Platform limit on the uploaded bundle, or on the image for Lambda, in bytes. */
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

/** Rows of the table of platform limits in the comparison report, in their order. */
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
