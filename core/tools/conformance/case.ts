import type { Capabilities, Capability } from '../../capabilities.ts'
import type { Context } from '../../context.ts'
import type { Manifest } from '../../manifest.ts'
import type { FixtureEnv } from './fixture/bindings.ts'
import type { RawConnection, RawRequest, RawResponse } from './raw-http.ts'
import type { RawSocket } from './raw-socket.ts'
import type { RefusedSocket, SocketClient, SocketRequest } from './socket-client.ts'

/** The groups of cases; the rows of the matrix. */
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
/** The name of a group of cases. */
export type Group = (typeof GROUPS)[number]

/** What a case has on every target. */
export interface CaseBase {
  /** Group and number: `kv-09`. Numbers are never reused. */
  readonly id: string
  readonly group: Group
  /** What holds, in one sentence. */
  readonly contract: string
  /**
   * Without this capability the target runs the case's negative twin instead, and the case counts as skipped.
   */
  readonly needs?: Capability
  /**
   * The app fetches from the suite's upstream. Where the target cannot reach one (a deployment that was given
   * none), the case counts as skipped. Default: false.
   */
  readonly upstream?: boolean
  /**
   * The case starts the target once more, to stop it. Where that cannot be done (a deployment) it counts as
   * skipped. Default: false.
   */
  readonly startsOwn?: boolean
  /**
   * Cases of one name here never run at the same time: they share a queue whose batches they make fail, or
   * are so `heavy` that others would time out beside several.
   */
  readonly exclusive?: string
  /** Time-out. Default: 20. */
  readonly seconds?: number
}

/** What a case inside the target is given. */
export interface InsideTools {
  readonly env: FixtureEnv
  readonly ctx: Context
  /** The request that asked for this case. */
  readonly request: Request
  /** From a `.wasm` import of the fixture app: exports `add(a, b)`. */
  readonly wasm: WebAssembly.Module
  /** A key that no other case and no other run has. */
  readonly key: (suffix?: string) => string
  /** Reads until the answer is `expected`: for bindings whose reads may be stale. */
  readonly settles: (read: () => Promise<unknown>, expected: unknown) => Promise<void>
}

/** A case that runs in the target, as part of the fixture app. */
export interface InsideCase extends CaseBase {
  readonly where: 'inside'
  /** @internal */
  readonly run: (tools: InsideTools) => Promise<void> | void
  /** The negative twin: what holds where the capability of `needs` is missing. @internal */
  readonly without?: (tools: InsideTools) => Promise<void> | void
}

/** What a case outside the target is given. */
export interface WireTools {
  /** Origin of the target. */
  readonly url: string
  readonly manifest: Manifest
  readonly capabilities: Capabilities
  /** Opens a gate of the upstream: what waits for it goes on. */
  readonly openUpstream: (gate: string) => Promise<void>
  /** `fetch` of a path with the token, redirects not followed. */
  readonly fetch: (path: string, init?: RequestInit) => Promise<Response>
  /** One exchange over a socket of its own, bytes as they are. The token is added. */
  readonly raw: (request: RawRequest) => Promise<RawResponse>
  /** The same, step by step. */
  readonly open: (request: RawRequest) => Promise<RawConnection>
  /** Fires a cron. */
  readonly runCron: (name: string, scheduledTime: number) => Promise<void>
  /** What the app noted under a key, in order. */
  readonly notes: (key: string) => Promise<string[]>
  /** Notes something for the app to see. */
  readonly note: (key: string, text: string) => Promise<void>
  readonly key: (suffix?: string) => string
  /** Where clients of a path below `/sockets/` connect, as a URL of `http` or `https`. */
  readonly socketUrl: (path: string) => URL
  /** Connects to a path below `/sockets/`, with the token. */
  readonly socket: (path: string, request?: SocketRequest) => Promise<SocketClient | RefusedSocket>
  /** The same over a bare socket; the handshake's headers may be replaced. */
  readonly rawSocket: (path: string, headers?: Readonly<Record<string, string>>) => Promise<RawSocket>
  /** Builds an app for the target, from the source of its entry. @throws what the build throws. */
  readonly build: (source: string) => Promise<void>
  /** For cases that say `startsOwn`. */
  readonly startOwn: () => Promise<OwnTarget>
}

/** A second start of the same artifact, with data of its own. */
export interface OwnTarget extends Pick<WireTools, 'socket'> {
  /** Lines that it has printed. */
  readonly output: () => readonly string[]
  readonly stop: () => Promise<void>
}

/** A case that looks at the target from outside. */
export interface WireCase extends CaseBase {
  readonly where: 'wire'
  /** @internal */
  readonly run: (tools: WireTools) => Promise<void>
  /** As of {@link InsideCase}. @internal */
  readonly without?: (tools: WireTools) => Promise<void>
}

/** A case of the suite: run inside the app, or over the wire. */
export type Case = InsideCase | WireCase

/** Cases of one group that run inside. */
export function insideCases(
  group: Group,
  cases: readonly Omit<InsideCase, 'group' | 'where'>[],
): InsideCase[] {
  return cases.map((one) => ({ ...one, group, where: 'inside' }))
}

/** Cases of one group that run outside. */
export function wireCases(group: Group, cases: readonly Omit<WireCase, 'group' | 'where'>[]): WireCase[] {
  return cases.map((one) => ({ ...one, group, where: 'wire' }))
}
