import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ResolvedConfig } from '../config.ts'
import { makeFolders } from '../store/durable-files.ts'
import type { Inspected } from './inspect.ts'
import type { WorkerSettings } from '../messages.ts'
import { prepareFolders } from './process-guard.ts'
import { WorkerProcess } from './worker-process.ts'

/** Options of {@link Launcher}, which starts a host's child processes. */
export interface LauncherOptions {
  config: ResolvedConfig
  /** Path of the isolated-vm module. */
  isolatedVm: string
  /** Apps that accept a debugger, with the debuggers' ports. */
  inspected: Inspected
  /** Key by which hosts of one store recognise each other's requests. Undefined without a store. */
  forwardKey?: string | undefined
  onOutput(line: string): void
}

/**
 * Starts the child processes of a host. Holds the settings that all of them get and the folder that they
 * share.
 */
export class Launcher {
  /**
   * Port on which the host listens. A configured port of 0 is replaced by the one that the first process got.
   */
  port: number
  #options: LauncherOptions
  #runDir = ''
  #sockets = 0

  constructor(options: LauncherOptions) {
    this.#options = options
    this.port = options.config.port
  }

  /** Creates the folders that the host's child processes write to. */
  async open(): Promise<void> {
    const { dataDir, guard } = this.#options.config
    await makeFolders(dataDir)
    this.#runDir = await mkdtemp(join(tmpdir(), 'unmoor-host-'))
    await prepareFolders(guard, dataDir, this.#runDir)
  }

  /** Removes the folder that the host's child processes share while the host runs. */
  close(): Promise<void> {
    return rm(this.#runDir, { recursive: true, force: true })
  }

  /**
   * Returns a new socket path for a process that serves one app. Paths are never reused: a process that stops
   * removes the file at its path, which could be its successor's.
   */
  newSocket(): string {
    return join(this.#runDir, `own-${++this.#sockets}.sock`)
  }

  get settings(): WorkerSettings {
    const {
      host,
      dataDir,
      maxIsolates,
      maxProcessMb,
      pool,
      stopSeconds,
      limits,
      drivers,
      cronStore,
      outbound,
      http,
      log,
    } = this.#options.config
    return {
      host,
      port: this.port,
      dataDir,
      maxIsolates,
      maxProcessMb,
      pool,
      poolMemoryMb: limits.memoryMb,
      stopSeconds,
      drivers,
      cronStore,
      outbound,
      http,
      log,
      forwardKey: this.#options.forwardKey,
    }
  }

  /**
   * Starts a process that fills its pool for the artifacts in `dirs`. `app` is undefined for a process that
   * apps share; `pool` defaults to the host's setting.
   */
  spawn(dirs: string[], app?: string, pool = this.#options.config.pool): WorkerProcess {
    const { config, inspected, isolatedVm } = this.#options
    const inspectPort = app === undefined ? undefined : inspected.get(app)
    const process = new WorkerProcess({
      runDir: this.#runDir,
      dataDir: config.dataDir,
      guard: config.guard,
      isolatedVm,
      inspectPort,
      onOutput: (line) => this.#options.onOutput(line),
    })
    process.send({
      type: 'prepare',
      settings: { ...this.settings, pool, inspected: inspectPort === undefined ? undefined : app },
      dirs,
    })
    return process
  }
}
