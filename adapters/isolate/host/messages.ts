import type { DriverSpec } from '../../../core/adapter.ts'
import type { SerializedError } from '../../../core/errors.ts'
import type { OutboundRules } from '../services/outbound/rules.ts'
import type { AppRecord } from './app-record.ts'
import type { DriverDefaults } from './driver-defaults.ts'
import type { HttpConfig } from './http-config.ts'
import type { TlsMaterial } from './tls/material.ts'
import type { Usage } from './usage.ts'

/**
 * The background work that a process does. One process of a host runs queues and crons; hosts that share a
 * store claim each cron's times in the cron store.
 */
export interface BackgroundDuties {
  queues: boolean
  crons: boolean
}

/** Settings that the supervisor sends to a child process. */
export interface WorkerSettings {
  host: string
  /**
   * TCP port of the host's child process; 0 takes a free one, which `listening` reports. Undefined with
   * `socket`.
   */
  port: number
  /** Socket path of a process that serves one app; shared processes forward that app's requests there. */
  socket?: string | undefined
  /** Name of the app whose process accepts a debugger; the app then runs in a context of that process. */
  inspected?: string | undefined
  dataDir: string
  maxIsolates: number
  maxProcessMb: number
  pool: number
  poolMemoryMb: number
  drivers: DriverDefaults
  outbound: OutboundRules
  cronStore: DriverSpec
  stopSeconds: number
  /** HTTP settings of the host's port: proxies, timeouts and sizes. */
  http: HttpConfig
  /**
   * Certificates and keys of the host's port, for processes that share it; only the supervisor reads the
   * files. Undefined for plain HTTP, and for processes that do not listen on the port.
   */
  tls?: TlsMaterial | undefined
  log: 'text' | 'json'
  /** Key by which hosts that share a store recognise each other's requests. Undefined without a store. */
  forwardKey?: string | undefined
  /**
   * End of the lease under which a process serves Durable Objects, by `monotonicMs`. Undefined without a
   * lease.
   */
  leaseUntil?: number | undefined
}

/**
 * Location of an app's Durable Objects that this host does not run: another host's address, or the reason why
 * the objects cannot be reached.
 */
export type Elsewhere = { address: string } | { refused: string }

/**
 * Locations of apps that shared processes do not serve: the socket path of the app's own process, or an
 * {@link Elsewhere}. The path is empty while a new process replaces the app's old one; requests wait then.
 */
export type ApartPlaces = Record<string, string | Elsewhere>

/** A sockets binding of an app, as {@link ToRelay} names it. */
interface SocketsOfApp {
  type: 'sockets'
  app: string
  binding: string
}

/** A message of a process for the sockets of an app; `process` is that process's name in the relay. */
export type ToRelay = SocketsOfApp &
  (
    | { op: 'listen'; process: string; call: number }
    | { op: 'leave'; process: string }
    | { op: 'broadcast'; process: string; text: string }
    | { op: 'send'; process: string; text: string; call: number }
    | { op: 'saveTicket'; ticket: string; value: string; seconds: number; call: number }
    | { op: 'takeTicket'; ticket: string; call: number }
  )

/** Messages of the socket relay: a text for the named process, or the answer to a call. */
export type FromRelay =
  | (SocketsOfApp & { process: string; text: string })
  | { type: 'sockets'; call: number; value: RelayAnswer }

/**
 * Answer to a call of the socket relay: true if the process exists or the ticket was saved; a taken ticket's
 * value, or null.
 */
export type RelayAnswer = boolean | string | null

/** Messages of the supervisor to a child process. */
export type ToWorker =
  | FromRelay
  /** Before `serve`: the child process fills its pool of isolates for artifacts like those in `dirs`. */
  | { type: 'prepare'; settings: WorkerSettings; dirs: string[] }
  | {
      type: 'serve'
      settings: WorkerSettings
      apps: AppRecord[]
      apart: ApartPlaces
      duties: BackgroundDuties
    }
  /**
   * Changed and removed apps that a child process serves. `apart` is part of the message so that a shared
   * process never serves an app that is about to get a process of its own.
   */
  | { type: 'apps'; id: number; set: AppRecord[]; remove: string[]; apart: ApartPlaces }
  | { type: 'apart'; apart: ApartPlaces }
  | { type: 'duties'; duties: BackgroundDuties }
  /** Changed TLS certificates, used for new connections. */
  | { type: 'tls'; tls: TlsMaterial }
  /** New end of the lease under which the child serves Durable Objects. */
  | { type: 'lease'; until: number }
  | { type: 'usage'; id: number }
  /** Starts a version of an app without serving it, to find out whether it can start. */
  | { type: 'probe'; id: number; app: AppRecord }

/** Messages of a child process to the supervisor. */
export type ToSupervisor =
  | ToRelay
  /**
   * The child process is loaded and may be told to serve; `debuggerUrl` is where its debugger listens, if
   * any.
   */
  | { type: 'ready'; runtime: string; debuggerUrl: string | undefined }
  | { type: 'listening'; port: number }
  | { type: 'prepared' }
  /** Heartbeat of a child that serves nobody yet: its main thread is free. */
  | { type: 'alive' }
  | { type: 'done'; id: number }
  /** The app's version under trial has started; its migrations run next. */
  | { type: 'migrating'; id: number }
  | { type: 'probed'; id: number; error?: SerializedError | undefined }
  | {
      type: 'usage'
      id: number | undefined
      apps: Record<string, { usage: Usage; memory: number }>
      live: number
      waiting: number
    }
  /**
   * Memory report: bytes that the process holds, bytes that its isolates are known to hold, and the apps with
   * WebAssembly memory.
   */
  | { type: 'unknownMemory'; resident: number; known: number; apps: string[] }
  /** A statement of the app blocked the process for that many milliseconds. */
  | { type: 'heldUp'; app: string; milliseconds: number }
  /** V8 lost control of that app's isolate; the process is about to exit. */
  | { type: 'fatal'; app: string; message: string }
  | { type: 'failed'; error: SerializedError }
  /** The child process received the request to stop. */
  | { type: 'stopping' }
