import type { Capabilities, Capability } from '../../capabilities.ts'
import type { Context } from '../../context.ts'
import type { Manifest } from '../../manifest.ts'
import type { FixtureEnv } from './fixture/bindings.ts'
import type { RawConnection, RawRequest, RawResponse } from './raw-http.ts'
import type { RawSocket } from './raw-socket.ts'
import type { RefusedSocket, SocketClient, SocketRequest } from './socket-client.ts'

/** The groups of conformance cases: the rows of the conformance matrix. */
export const GROUPS = [
  'handlers',
  'answers',
  'fetch',
  'runtime',
  'waitUntil',
  'cron',
  'queue',
  'kv',
  'blob',
  'sql',
  'cache',
  'secrets',
  'service',
  'assets',
  'sockets',
] as const
/** Name of a group of conformance cases. */
export type Group = (typeof GROUPS)[number]

/** Fields of every conformance case, whether it runs inside or outside the target. */
export interface CaseBase {
  /** Id of a conformance case from group and number, such as `kv-09`. Numbers are never reused. */
  readonly id: string
  readonly group: Group
  /** The contract that the conformance case checks, in one sentence. */
  readonly contract: string
  /**
   * Capability that the conformance case needs. A target without the capability runs the case's negative twin
   * instead, and the case counts as skipped.
   */
  readonly needs?: Capability
  /**
   * If true, the conformance case fetches from the suite's upstream server. On a target that cannot reach one
   * (a deployment that was given none), the case counts as skipped. Default: false.
   */
  readonly upstream?: boolean
  /**
   * If true, the conformance case starts the target a second time and stops it. Where that is impossible (a
   * deployment), the case counts as skipped. Default: false.
   */
  readonly startsOwn?: boolean
  /**
   * Conformance cases with the same `exclusive` name never run at the same time: they share a queue whose
   * batches they make fail, or are so `heavy` that others would time out beside them.
   */
  readonly exclusive?: string
  /** Seconds after which the conformance case times out. Default: 20. */
  readonly seconds?: number
}

/** Tools for a conformance case that runs inside the target. */
export interface InsideTools {
  readonly env: FixtureEnv
  readonly ctx: Context
  /** The HTTP request that started this conformance case. */
  readonly request: Request
  /** WebAssembly module compiled from a `.wasm` import of the fixture app: exports `add(a, b)`. */
  readonly wasm: WebAssembly.Module
  /** Returns a test key that no other case and no other run uses. */
  readonly key: (suffix?: string) => string
  /** Repeats a binding's `read` until its result is `expected`, since reads may be stale. */
  readonly settles: (read: () => Promise<unknown>, expected: unknown) => Promise<void>
}

/** A conformance case that runs inside the target, as part of the fixture app. */
export interface InsideCase extends CaseBase {
  readonly where: 'inside'
  /** @internal */
  readonly run: (tools: InsideTools) => Promise<void> | void
  /** Negative twin of the case: checks what holds on a target without the capability of `needs`. @internal */
  readonly without?: (tools: InsideTools) => Promise<void> | void
}

/** Tools for a conformance case that observes the target from outside. */
export interface WireTools {
  /** Origin of the tested target's server. */
  readonly url: string
  readonly manifest: Manifest
  readonly capabilities: Capabilities
  /** Opens a gate of the suite's upstream server: its answers that wait for the gate continue. */
  readonly openUpstream: (gate: string) => Promise<void>
  /** Fetches a path of the target with the suite's token; redirects are not followed. */
  readonly fetch: (path: string, init?: RequestInit) => Promise<Response>
  /**
   * Sends one HTTP exchange to the target over a connection of its own, byte for byte; only the token is
   * added.
   */
  readonly raw: (request: RawRequest) => Promise<RawResponse>
  /** Opens a raw HTTP connection to the target and leaves the steps of the exchange to the caller. */
  readonly open: (request: RawRequest) => Promise<RawConnection>
  /** Fires a cron of the fixture app at a scheduled time in milliseconds since 1970. */
  readonly runCron: (name: string, scheduledTime: number) => Promise<void>
  /** Returns the notes that the fixture app has stored under a key, in order. */
  readonly notes: (key: string) => Promise<string[]>
  /** Stores a note under a key, for the fixture app to read. */
  readonly note: (key: string, text: string) => Promise<void>
  readonly key: (suffix?: string) => string
  /** Returns the http(s) URL to which WebSocket clients of a path below `/sockets/` connect. */
  readonly socketUrl: (path: string) => URL
  /** Connects a WebSocket to a path below `/sockets/`, with the suite's token. */
  readonly socket: (path: string, request?: SocketRequest) => Promise<SocketClient | RefusedSocket>
  /**
   * Connects a WebSocket like `socket`, over a bare TCP socket; `headers` may replace those of the handshake.
   */
  readonly rawSocket: (path: string, headers?: Readonly<Record<string, string>>) => Promise<RawSocket>
  /** Builds an app for the target, from the source of its entry module. @throws the errors of the build. */
  readonly build: (source: string) => Promise<void>
  /** Starts the target a second time, for conformance cases with `startsOwn`. */
  readonly startOwn: () => Promise<OwnTarget>
}

/** A second start of the target's artifact, with its own data. */
export interface OwnTarget extends Pick<WireTools, 'socket'> {
  /** Returns the lines that the second start of the target has printed. */
  readonly output: () => readonly string[]
  readonly stop: () => Promise<void>
}

/** A conformance case that observes the target from outside, over the network. */
export interface WireCase extends CaseBase {
  readonly where: 'wire'
  /** @internal */
  readonly run: (tools: WireTools) => Promise<void>
  /** Negative twin of the case: checks what holds on a target without the capability of `needs`. @internal */
  readonly without?: (tools: WireTools) => Promise<void>
}

/** A case of the conformance suite: run inside the app, or over the wire. */
export type Case = InsideCase | WireCase

/** Creates conformance cases that run inside the target: adds their group and place. */
export function insideCases(
  group: Group,
  cases: readonly Omit<InsideCase, 'group' | 'where'>[],
): InsideCase[] {
  return cases.map((one) => ({ ...one, group, where: 'inside' }))
}

/** Creates conformance cases that run outside the target: adds their group and place. */
export function wireCases(group: Group, cases: readonly Omit<WireCase, 'group' | 'where'>[]): WireCase[] {
  return cases.map((one) => ({ ...one, group, where: 'wire' }))
}
