import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** What is sent again and again. */
export interface LoadRequest {
  method: 'GET' | 'POST'
  path: string
  body?: string
  /** Host headers that the requests take in turn. Default: the server's own name. */
  hosts?: readonly string[]
}

/** The request for one of the works of `apps/http`. */
export function requestOf(work: string): LoadRequest {
  return work === 'echo1k'
    ? { method: 'POST', path: '/', body: 'x'.repeat(1024) }
    : { method: 'GET', path: '/' }
}

/** One run against one server. */
export interface LoadResult {
  requests: number
  /** Requests per second. */
  rps: number
  /** Milliseconds. */
  p50: number
  p99: number
}

/** A load generator. */
export interface LoadGenerator {
  /** With its version. */
  readonly name: string
  /** Keep-alive connections at full speed. @throws for an answer that is no 2xx, and for socket errors. */
  run(url: string, request: LoadRequest, seconds: number): Promise<LoadResult>
  /** Frees its files. */
  close(): void
}

const CONNECTIONS = 50

/** wrk where it is installed, else autocannon. */
export function createLoadGenerator(): LoadGenerator {
  const version = /^wrk (\S+)/.exec(spawnSync('wrk', ['-v'], { encoding: 'utf8' }).stdout ?? '')?.[1]
  return version === undefined ? autocannon() : wrk(version)
}

function wrk(version: string): LoadGenerator {
  const folder = mkdtempSync(join(tmpdir(), 'unmoor-bench-'))
  const script = (request: LoadRequest): string => {
    const file = join(folder, `${request.method}${request.hosts === undefined ? '' : '-hosts'}.lua`)
    const lines = [`wrk.method = ${JSON.stringify(request.method)}`]
    if (request.body !== undefined)
      lines.push(
        `wrk.body = ${JSON.stringify(request.body)}`,
        `wrk.headers["content-type"] = "text/plain;charset=UTF-8"`,
      )
    if (request.hosts !== undefined) {
      const list = request.hosts.map(
        (host) =>
          `wrk.format(nil, nil, { ["Host"] = ${JSON.stringify(host)}, ["content-type"] = wrk.headers["content-type"] })`,
      )
      lines.push(`local requests, turn`, `init = function() requests = { ${list.join(', ')} }; turn = 0 end`)
      lines.push(`request = function() turn = turn % #requests + 1; return requests[turn] end`)
    }
    writeFileSync(file, lines.join('\n'))
    return file
  }
  return {
    name: `wrk ${version}`,
    async run(url, request, seconds) {
      // wrk takes whole seconds only.
      const text = await output('wrk', [
        '-t1',
        `-c${CONNECTIONS}`,
        `-d${Math.max(1, Math.round(seconds))}s`,
        '--latency',
        '-s',
        script(request),
        url + request.path,
      ])
      const found = (pattern: RegExp): string => {
        const match = pattern.exec(text)?.[1]
        if (match === undefined) throw new Error(`wrk's output has no ${pattern}:\n${text}`)
        return match
      }
      if (/Non-2xx|Socket errors/.test(text)) throw new Error(`wrk saw failures:\n${text}`)
      return {
        requests: Number(found(/(\d+) requests in/)),
        rps: Number(found(/Requests\/sec:\s+([\d.]+)/)),
        p50: milliseconds(found(/^\s+50%\s+(\S+)/m)),
        p99: milliseconds(found(/^\s+99%\s+(\S+)/m)),
      }
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  }
}

function milliseconds(text: string): number {
  const value = Number.parseFloat(text)
  return text.endsWith('us') ? value / 1000 : text.endsWith('ms') ? value : value * 1000
}

function autocannon(): LoadGenerator {
  const bin = fileURLToPath(new URL('../../node_modules/.bin/autocannon', import.meta.url))
  const version =
    /v?(\d\S+)/.exec(spawnSync(bin, ['--version'], { encoding: 'utf8' }).stdout ?? '')?.[1] ?? 'unknown'
  return {
    name: `autocannon ${version}`,
    async run(url, request, seconds) {
      const body =
        request.body === undefined ? [] : ['-b', request.body, '-H', 'content-type=text/plain;charset=UTF-8']
      // Its command line takes one only.
      if (request.hosts !== undefined) body.push('-H', `host=${request.hosts[0]}`)
      const text = await output(bin, [
        '-j',
        '-c',
        String(CONNECTIONS),
        '-d',
        String(Math.max(1, Math.round(seconds))),
        '-m',
        request.method,
        ...body,
        url + request.path,
      ])
      const result = JSON.parse(text) as {
        errors: number
        timeouts: number
        non2xx: number
        requests: { total: number; average: number }
        latency: { p50: number; p99: number }
      }
      if (result.errors + result.timeouts + result.non2xx > 0)
        throw new Error(
          `autocannon saw failures: ${result.errors} errors, ${result.timeouts} time-outs, ${result.non2xx} answers that are no 2xx.`,
        )
      return {
        requests: result.requests.total,
        rps: result.requests.average,
        p50: result.latency.p50,
        p99: result.latency.p99,
      }
    },
    close() {},
  }
}

function output(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    child.on('error', reject)
    child.on('close', (code) =>
      code === 0 ? resolve(stdout) : reject(new Error(`${command} ended with code ${code}: ${stderr}`)),
    )
  })
}
