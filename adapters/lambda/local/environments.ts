import { isUnmoorError, UnmoorError } from '../../../core/errors.ts'
import { stopChild, watchOutput } from '../../node-server/local/child.ts'
import type { Launch, Launched } from './launch.ts'
import { createRuntimeApi, type ApiResponse, type RuntimeApi } from './runtime-api.ts'

/** Options of {@link createEnvironments}. */
export interface EnvironmentsOptions {
  launch: Launch
  /**
   * Maximum number of local Lambda environments at once. Further events wait, where AWS would throttle by the
   * account's limit. Default: 10.
   */
  max?: number
  /**
   * Seconds for one Lambda event, including `waitUntil` work, after which the environment is killed, as on
   * AWS. Default: 30.
   */
  timeout?: number
  /**
   * Seconds that a Lambda environment may take to start, until its first call for an event. Default: 10, as
   * on AWS.
   */
  initTimeout?: number
  /** Number of events that one Lambda environment handles at once. Default: 1. */
  concurrency?: number
  /**
   * Called when a Lambda environment has started, with the milliseconds to its first call for an event and
   * the number of environments. Default: not called.
   */
  onStart?: ((milliseconds: number, count: number) => void) | undefined
  /** Called with each line that a Lambda environment prints. Default: output is dropped. */
  onOutput?: ((line: string) => void) | undefined
}

/**
 * The local environments of one Lambda function. Each handles one event at a time, or `concurrency`; more
 * environments are started under load.
 */
export interface Environments {
  /** Starts the first Lambda environment. @throws its init error, with the last lines of its output. */
  start(): Promise<void>
  /**
   * Passes an event (JSON text) to a free Lambda environment. @throws `Timeout`, or `Unavailable` if the
   * environment ended.
   */
  invoke(payload: string): Promise<ApiResponse>
  /** User agent of the runtime in the Lambda environments. */
  readonly userAgent: string | undefined
  readonly pids: readonly number[]
  /** Number of Lambda events so far, and of those that were the first of an environment. */
  readonly counts: { readonly events: number; readonly cold: number }
  /**
   * Finishes the Lambda events under way, then ends the environments' processes; resolves when all have
   * ended.
   */
  stop(): Promise<void>
}

const INIT_TIMEOUT = 10
const STOP_TIMEOUT = 5000
/**
 * Milliseconds that an event waits for a Lambda environment that has answered and is about to ask for the
 * next event, before another environment is started.
 */
const GRACE = 10

export function createEnvironments(options: EnvironmentsOptions): Environments {
  return new Pool(options)
}

interface Waiting {
  readonly payload: string
  readonly response: PromiseWithResolvers<ApiResponse>
}

class Pool implements Environments {
  #options: EnvironmentsOptions
  #max: number
  #timeout: number
  #all = new Set<Environment>()
  /** Idle Lambda environments. An environment is listed once for each further event that it can take. */
  #idle: Environment[] = []
  #concurrency: number
  /** Number of Lambda environments' processes, including those about to be spawned. */
  #size = 0
  #starting = 0
  #adding = new Set<Promise<void>>()
  #growth: NodeJS.Timeout | undefined
  #waiting: Waiting[] = []
  #stopping = false
  #used = new WeakSet<Environment>()
  readonly counts = { events: 0, cold: 0 }
  userAgent: string | undefined

  constructor(options: EnvironmentsOptions) {
    this.#options = options
    this.#max = options.max ?? 10
    this.#concurrency = options.concurrency ?? 1
    this.#timeout = (options.timeout ?? 30) * 1000
  }

  get pids(): readonly number[] {
    return [...this.#all].flatMap(({ child }) => child.pid ?? [])
  }

  start(): Promise<void> {
    return this.#addPatiently()
  }

  /**
   * Starts a Lambda environment. As on AWS, a start that takes too long is repeated once, with the function's
   * whole timeout.
   */
  async #addPatiently(): Promise<void> {
    try {
      await this.#add()
    } catch (error) {
      if (this.#stopping || !isUnmoorError(error, 'Timeout')) throw error
      await this.#add(this.#timeout)
    }
  }

  /**
   * Starts a Lambda environment.
   *
   * @param patience Milliseconds within which the environment must ask for its first event.
   */
  async #add(patience = (this.#options.initTimeout ?? INIT_TIMEOUT) * 1000): Promise<void> {
    this.#starting++
    this.#size++
    try {
      const started = performance.now()
      const environment = await startEnvironment(this.#options, patience, (created) => {
        this.#all.add(created)
        if (this.#stopping) created.kill()
        void created.exited.then(() => this.#remove(created))
      })
      this.userAgent ??= environment.api.userAgent
      this.#options.onStart?.(Math.round(performance.now() - started), this.#all.size)
      for (let slot = 0; slot < this.#concurrency; slot++) this.#idle.push(environment)
      this.#freezeIdle(environment)
    } finally {
      this.#starting--
    }
    this.#assign()
  }

  #remove(environment: Environment): void {
    this.#size--
    this.#all.delete(environment)
    this.#giveNoMore(environment)
    this.#assign()
  }

  #giveNoMore(environment: Environment): void {
    environment.ending = true
    this.#idle = this.#idle.filter((other) => other !== environment)
  }

  invoke(payload: string): Promise<ApiResponse> {
    if (this.#stopping)
      return Promise.reject(
        new UnmoorError('Unavailable', 'The function is being stopped.', { operation: 'invoke' }),
      )
    const response = Promise.withResolvers<ApiResponse>()
    this.#waiting.push({ payload, response })
    this.#assign()
    return response.promise
  }

  /** Assigns waiting events to idle Lambda environments, and starts environments for the rest. */
  #assign(): void {
    while (this.#waiting.length > 0 && this.#idle.length > 0) {
      // The Lambda environment used last comes first: its caches are warm and its code is compiled.
      void this.#run(this.#idle.pop() as Environment, this.#waiting.shift() as Waiting)
    }
    if (
      this.#waiting.length <= this.#starting * this.#concurrency ||
      this.#size >= this.#max ||
      this.#stopping
    )
      return
    if (this.#size === 0) this.#grow()
    else this.#growth ??= setTimeout(() => this.#grow(), GRACE)
  }

  #grow(): void {
    this.#growth = undefined
    for (
      let needed = Math.ceil(this.#waiting.length / this.#concurrency) - this.#starting;
      needed > 0 && this.#size < this.#max;
      needed--
    ) {
      const added = this.#addPatiently().catch((error: unknown) => {
        this.#waiting.shift()?.response.reject(error)
        this.#assign()
      })
      this.#adding.add(added)
      void added.finally(() => this.#adding.delete(added))
    }
  }

  async #run(environment: Environment, { payload, response }: Waiting): Promise<void> {
    const { api } = environment
    this.counts.events++
    if (!this.#used.has(environment)) this.counts.cold++
    this.#used.add(environment)
    const timer = setTimeout(() => {
      // The Lambda environment is excluded from further events before the answer is sent, because the caller
      // may send its next event before the process has ended.
      this.#giveNoMore(environment)
      api.fail(
        new UnmoorError('Timeout', `The function ran into its timeout of ${this.#timeout / 1000} s.`, {
          operation: 'invoke',
        }),
      )
      environment.kill()
    }, this.#timeout)
    try {
      await environment.freezer.thaw()
      const invocation = api.invoke({ payload, deadline: Date.now() + this.#timeout, traceId: traceId() })
      response.resolve(await invocation.response)
      await invocation.done
      if (!environment.ending) {
        this.#idle.push(environment)
        this.#freezeIdle(environment)
      }
    } catch (error) {
      // The process of the Lambda environment has ended or is about to end; its `exit` removes the
      // environment.
      response.reject(error)
    } finally {
      clearTimeout(timer)
    }
    this.#assign()
  }

  /** Freezes an idle Lambda environment with its timers, as AWS does. */
  #freezeIdle(environment: Environment): void {
    if (this.#stopping || this.#waiting.length > 0) return
    if (this.#idle.filter((idle) => idle === environment).length === this.#concurrency)
      environment.freezer.freeze()
  }

  async stop(): Promise<void> {
    this.#stopping = true
    clearTimeout(this.#growth)
    for (const { response } of this.#waiting.splice(0))
      response.reject(
        new UnmoorError('Unavailable', 'The function is being stopped.', { operation: 'invoke' }),
      )
    const patience = (environment: Environment): number =>
      this.#idle.filter((idle) => idle === environment).length === this.#concurrency
        ? STOP_TIMEOUT
        : this.#timeout
    await Promise.all(
      [...this.#all].map((environment) => stopEnvironment(environment, patience(environment))),
    )
    await Promise.all(this.#adding)
  }
}

interface Environment extends Launched {
  readonly api: RuntimeApi
  readonly freezer: Freezer
  readonly exited: Promise<void>
  /** True if the Lambda environment takes no further event, because its process is killed or has ended. */
  ending: boolean
}

/** Starts the process of a Lambda environment and waits until it asks for its first event. */
async function startEnvironment(
  options: EnvironmentsOptions,
  patience: number,
  created: (environment: Environment) => void,
): Promise<Environment> {
  const api = await createRuntimeApi()
  const launched = options.launch(api.address)
  const { child, kill } = launched
  const { lines } = watchOutput(child, options.onOutput)
  const exited = new Promise<void>((resolve) => {
    const end = (why: string): void => {
      api.fail(
        new UnmoorError('Unavailable', `The function's process ended${why}.`, {
          operation: 'invoke',
          retryable: false,
        }),
      )
      resolve()
      void api.close()
    }
    child.once('error', (error) => end(`: ${error.message}`))
    child.once('exit', (code, signal) => end(` by itself (${signal ?? `exit code ${code}`})`))
  })
  const environment = { api, child, kill, exited, freezer: new Freezer(launched), ending: false }
  created(environment)
  const timer = setTimeout(() => {
    api.fail(
      new UnmoorError(
        'Timeout',
        `The function asked for no event within ${patience / 1000} s of its start.`,
        { operation: 'start' },
      ),
    )
    kill()
  }, patience)
  try {
    await api.started
    return environment
  } catch (error) {
    await Promise.race([exited, new Promise((resolve) => setTimeout(resolve, 500))])
    kill()
    throw withLines(error, lines)
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Adds the last lines that a Lambda environment's process printed to an `Unavailable` or `Timeout` error;
 * returns any other error unchanged.
 */
function withLines(error: unknown, lines: readonly string[]): unknown {
  if (
    !(error instanceof UnmoorError) ||
    (error.code !== 'Unavailable' && error.code !== 'Timeout') ||
    lines.length === 0
  )
    return error
  return new UnmoorError(error.code, `${error.message}\n${lines.join('\n')}`, {
    operation: 'start',
    retryable: false,
    cause: error,
  })
}

async function stopEnvironment(
  { child, kill, exited, freezer }: Environment,
  patience: number,
): Promise<void> {
  await freezer.thaw()
  return stopChild({ exited, ask: () => child.kill('SIGTERM'), kill, graceMs: patience })
}

/** Freezes and thaws a Lambda environment, one command after the other. */
class Freezer {
  #launched: Launched
  #frozen = false
  /** The last freeze or thaw command, which may be under way. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(launched: Launched) {
    this.#launched = launched
  }

  freeze(): void {
    if (this.#frozen) return
    this.#frozen = true
    const { freeze } = this.#launched
    if (freeze === undefined) this.#launched.child.kill('SIGSTOP')
    // A Lambda environment that has just ended cannot be frozen, which is no error.
    else this.#last = this.#last.then(freeze).catch(() => undefined)
  }

  async thaw(): Promise<void> {
    if (!this.#frozen) return
    this.#frozen = false
    const { thaw } = this.#launched
    if (thaw === undefined) this.#launched.child.kill('SIGCONT')
    else await (this.#last = this.#last.then(thaw).catch(() => undefined))
  }
}

/** Returns a trace id in X-Ray's form: version, seconds, 96 random bits. */
function traceId(): string {
  const hex = (length: number): string =>
    Array.from(crypto.getRandomValues(new Uint8Array(length / 2)), (byte) =>
      byte.toString(16).padStart(2, '0'),
    ).join('')
  return `Root=1-${Math.floor(Date.now() / 1000).toString(16)}-${hex(24)};Parent=${hex(16)};Sampled=0`
}
