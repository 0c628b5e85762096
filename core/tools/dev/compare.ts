/** Operations of the page of `unmoor dev` that compare runtimes, and targets. */
import { invalidArgument, isUnmoorError } from '../../errors.ts'
import type { Comparison } from '../compare/compare.ts'
import { type Arguments, numberOf, optionalText, textOf, textsOf } from './arguments.ts'
import { type Answered, differences, normalise, RULE } from './compare-rules.ts'
import type { Operation } from './data.ts'
import type { RunningApp } from './running.ts'
import type { Runtimes } from './runtimes.ts'
import { saveTest } from './saved-test.ts'

/** Runtimes that one request goes to at most. */
const MOST = 4

interface CompareRequest {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
}

/** An answer, or why there is none. */
type Outcome = Answered | { readonly target: string; readonly error: string }

/** Returns the operations that compare the app on several targets. */
export function compareOperations(running: RunningApp, runtimes: Runtimes): Record<string, Operation> {
  const { projectDir, targets } = runtimes.parts
  const reports = new Map<string, Promise<Comparison>>()
  const moving = (from: string, to: string): Promise<Comparison> => {
    const key = `${running.builds} ${from} ${to}`
    const known = reports.get(key)
    if (known !== undefined) return known
    const report = compareTargets(runtimes.parts, from, to)
    reports.set(key, report)
    report.catch(() => reports.delete(key))
    return report
  }
  let last: Promise<unknown> = Promise.resolve()
  return {
    'compare.targets': async () => ({ targets, rule: RULE, most: MOST }),
    'compare.send': (given) => {
      // Requests go one after another, so that the durations do not disturb each other.
      const sent = last.catch(() => {}).then(() => compare(given, { running, runtimes, moving }))
      last = sent
      return sent
    },
    'compare.clear': () => runtimes.clear().then(() => null),
    'compare.save': async (given) => {
      const request = requestOf(given)
      const name = await saveTest(projectDir, {
        ...request,
        status: numberOf(given, 'status', 200),
        contentType: optionalText(given, 'contentType'),
        answer: textOf(given, 'answer'),
      })
      return { name }
    },
    moving: async (given) => {
      const report = await moving(textOf(given, 'from'), textOf(given, 'to'))
      return { changes: report.changes, same: report.same.map(({ text }) => text) }
    },
  }
}

/** The report of `unmoor compare`, whose modules are loaded when it is asked for: a dev start needs none. */
async function compareTargets(parts: Runtimes['parts'], from: string, to: string): Promise<Comparison> {
  const [{ compareApp }, { PRICES }, { EXPECTATIONS }] = await Promise.all([
    import('../compare/compare.ts'),
    import('../compare/prices.ts'),
    import('../conformance/expectations/index.ts'),
  ])
  const { projectDir, worker, environment } = parts
  return compareApp({
    projectDir,
    worker,
    environment,
    from: { target: from },
    to: { target: to },
    expectations: (target) => EXPECTATIONS[target] ?? {},
    prices: PRICES,
  })
}

interface CompareParts {
  readonly running: RunningApp
  readonly runtimes: Runtimes
  readonly moving: (from: string, to: string) => Promise<Comparison>
}

async function compare(given: Arguments, { running, runtimes, moving }: CompareParts): Promise<unknown> {
  const request = requestOf(given)
  const targets = [...new Set(textsOf(given, 'targets'))]
  if (targets.length === 0 || targets.length > MOST)
    throw invalidArgument({ operation: 'dev' }, `Choose 1 to ${MOST} targets to compare.`)
  await running.ready()
  const origins: Record<string, string> = {}
  const outcomes: Outcome[] = []
  for (const target of targets)
    try {
      const runtime = await runtimes.of(target, running.builds)
      origins[target] = runtime.url
      outcomes.push(await send(request, { target, runtime: runtime.runtime, url: runtime.url }))
    } catch (error) {
      outcomes.push({ target, error: explain(error) })
    }
  const answers = outcomes.filter((one): one is Answered => 'status' in one)
  const found = differences(answers, origins)
  const [first, ...others] = answers
  const explained = []
  for (const { target } of others) {
    if (first === undefined || !found.some(({ values }) => values[first.target] !== values[target])) continue
    const { changes } = await moving(first.target, target).catch(() => ({ changes: [] }))
    explained.push({ from: first.target, to: target, changes })
  }
  return {
    outcomes: outcomes.map((one) =>
      'status' in one ? { ...one, normal: normalise(one.body, origins[one.target]) } : one,
    ),
    differences: found,
    explained,
  }
}

function requestOf(given: Arguments): CompareRequest {
  const path = textOf(given, 'path')
  if (!path.startsWith('/') || path.startsWith('//'))
    throw invalidArgument({ operation: 'dev' }, 'The path begins with one /, such as /notes?page=2.')
  const headers = Object.fromEntries(
    (optionalText(given, 'headers') ?? '')
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => {
        const at = line.indexOf(':')
        if (at < 1)
          throw invalidArgument(
            { operation: 'dev' },
            `The header line ${JSON.stringify(line)} has no "NAME: ".`,
          )
        return [line.slice(0, at).trim(), line.slice(at + 1).trim()] as const
      }),
  )
  const method = textOf(given, 'method').toUpperCase()
  const text = optionalText(given, 'body')
  const hasBody = text !== undefined && text !== '' && method !== 'GET' && method !== 'HEAD'
  return { method, path, headers, body: hasBody ? text : undefined }
}

async function send(
  { method, path, headers, body }: CompareRequest,
  { target, runtime, url }: { target: string; runtime: string; url: string },
): Promise<Answered> {
  const started = performance.now()
  const response = await fetch(new URL(path, url), {
    method,
    headers,
    redirect: 'manual',
    ...(body === undefined ? {} : { body }),
  })
  const bytes = new Uint8Array(await response.arrayBuffer())
  const duration = performance.now() - started
  return {
    target,
    runtime,
    status: response.status,
    headers: [...response.headers],
    body: textOrBase64(bytes),
    duration,
  }
}

function textOrBase64(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return Buffer.from(bytes).toString('base64')
  }
}

function explain(error: unknown): string {
  if (isUnmoorError(error)) return error.message
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
