import type { DriverSpec } from '../../../core/adapter.ts'
import type { SerializedError } from '../../../core/errors.ts'
import type { OutboundRules } from '../services/outbound/rules.ts'
import type { AppRecord } from './app-record.ts'
import type { DriverDefaults } from './driver-defaults.ts'
import type { HttpConfig } from './http-config.ts'
import type { TlsMaterial } from './tls/material.ts'
import type { Usage } from './usage.ts'

/**
 * The background work that a process does. One process of a host takes queues and crons; hosts
 * that share a store claim each cron's times there.
 */
export interface BackgroundDuties {
  queues: boolean
  crons: boolean
}

/** How a child process serves. */
export interface WorkerSettings {
  host: string
  /** 0: a free one, which `listening` tells. Undefined with `socket`. */
  port: number
  /** Path of the socket of a process that serves one app; the others pass that app's requests on to it. */
  socket?: string | undefined
  /** The app of a process that a debugger is let in to: it runs in a context of that process. */
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
  /** What the port allows its clients. */
  http: HttpConfig
  /**
   * Certificates and keys of the port, for processes that share it: the supervisor alone reads the files.
   * Undefined where it speaks plain HTTP, and for all others.
   */
  tls?: TlsMaterial | undefined
  log: 'text' | 'json'
  /** Key by which hosts that share a store recognise each other's requests. Undefined without a store. */
  forwardKey?: string | undefined
  /** For a process that serves objects under a lease of this host: when the lease ends, as `monotonicMs`. */
  leaseUntil?: number | undefined
}

/** Where an app's objects are, if not here: on another host, or out of reach for a reason. */
export type Elsewhere = { address: string } | { refused: string }

/**
 * Where apps are that shared processes do not serve: paths of sockets of processes of their own, empty while
 * one version's process takes the place of another's (requests wait for the next path), or elsewhere.
 */
export type ApartPlaces = Record<string, string | Elsewhere>

/** A binding of an app, as {@link ToRelay} names it. */
interface SocketsOfApp {
  type: 'sockets'
  app: string
  binding: string
}

/** What a process says for the sockets of an app; `process` is the name that a process has there. */
export type ToRelay = SocketsOfApp &
  (
    | { op: 'listen'; process: string; call: number }
    | { op: 'leave'; process: string }
    | { op: 'broadcast'; process: string; text: string }
    | { op: 'send'; process: string; text: string; call: number }
    | { op: 'saveTicket'; ticket: string; value: string; seconds: number; call: number }
    | { op: 'takeTicket'; ticket: string; call: number }
  )

/** A text for the process of that name, or the answer to a call. */
export type FromRelay =
  | (SocketsOfApp & { process: string; text: string })
  | { type: 'sockets'; call: number; value: RelayAnswer }

/** If true, the process is there, or the ticket is kept; else what a ticket carried, or null for none. */
export type RelayAnswer = boolean | string | null

/** What the supervisor tells a child. */
export type ToWorker =
  | FromRelay
  /** Before it is told to serve: fills its pool, for artifacts such as those in `dirs`. */
  | { type: 'prepare'; settings: WorkerSettings; dirs: string[] }
  | {
      type: 'serve'
      settings: WorkerSettings
      apps: AppRecord[]
      apart: ApartPlaces
      duties: BackgroundDuties
    }
  /**
   * `apart` comes along: an app that gets a process of its own is never served by a shared one in between.
   */
  | { type: 'apps'; id: number; set: AppRecord[]; remove: string[]; apart: ApartPlaces }
  | { type: 'apart'; apart: ApartPlaces }
  | { type: 'duties'; duties: BackgroundDuties }
  /** Other certificates for new connections. */
  | { type: 'tls'; tls: TlsMaterial }
  /** The lease of the objects that it serves ends then. */
  | { type: 'lease'; until: number }
  | { type: 'usage'; id: number }
  /** Starts a version beside what is served, to see whether it can be. */
  | { type: 'probe'; id: number; app: AppRecord }

/** What a child tells the supervisor. */
export type ToSupervisor =
  | ToRelay
  /** The child is loaded and may be told to serve; `debuggerUrl` is where its debugger listens, if any. */
  | { type: 'ready'; runtime: string; debuggerUrl: string | undefined }
  | { type: 'listening'; port: number }
  | { type: 'prepared' }
  /** The child serves nobody yet, and its first thread is free. */
  | { type: 'alive' }
  | { type: 'done'; id: number }
  /** The version that is tried has started; its migrations come now. */
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
   * It holds so many bytes, and its isolates are known to hold so many; these apps have WebAssembly's memory.
   */
  | { type: 'unknownMemory'; resident: number; known: number; apps: string[] }
  /** A statement of the app's has held the process up for that many milliseconds. */
  | { type: 'heldUp'; app: string; milliseconds: number }
  /** V8 has lost control of that app's isolate; the process ends now. */
  | { type: 'fatal'; app: string; message: string }
  | { type: 'failed'; error: SerializedError }
  /** The child has heard that it is to stop. */
  | { type: 'stopping' }
