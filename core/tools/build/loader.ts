import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { AnyConfig } from '../../config.ts'
import { UnmoorError, type ErrorCode } from '../../errors.ts'
import type { Manifest } from '../../manifest.ts'
import { shortLines } from './build-error.ts'
import { cleanAtExit } from './cleanup.ts'
import { fromSource } from './packages.ts'

/** Request to the child process that imports the user's modules: the file to import. */
export type LoaderRequest = { id: number; file: string; label: string } & (
  | { kind: 'config' }
  | { kind: 'manifest'; name: string }
)

/** Reply of the child process that imports the user's modules. */
export interface LoaderReply {
  id: number
  value?: unknown
  error?: {
    own: boolean
    code?: string | undefined
    operation?: string | undefined
    name: string
    message: string
    stack: string
  }
}

/** The `value` of the loader's reply to a request of kind `manifest`. */
export interface LoadedManifest {
  manifest: Manifest
  warnings: string[]
}

type Unsent<T> = T extends unknown ? Omit<T, 'id'> : never

/**
 * Seconds until the import of a config or app counts as hanging, long enough that a busy machine does not
 * fail a build.
 */
const TIMEOUT_SECONDS = 30
const STDERR_KEPT = 8 * 1024

/** Imports the user's config and bundled app in a child process. */
export interface Loader {
  /**
   * Resolves to the config that `file` exports. @throws `InvalidArgument` (operation `config`) if `file` does
   * not load or exports no valid config.
   */
  config(file: string, label: string): Promise<AnyConfig>
  /**
   * Resolves to the manifest of the bundled app in `file`. @throws `InvalidArgument` if the bundle does not
   * load or is no app; `Timeout` after 30 s.
   */
  manifest(
    file: string,
    label: string,
    name: string,
    /** Called with each warning about the app's declarations that does not prevent a build. */
    onWarning?: (message: string) => void,
  ): Promise<Manifest>
  /** Kills the child process that imports the user's modules. */
  close(): void
}

/**
 * Starts the loader's child process immediately, so that it is ready when the first file is to be imported.
 */
export function startLoader(options: { timeoutSeconds?: number } = {}): Loader {
  const child = fork(
    fileURLToPath(new URL(`./loader-child.${fromSource ? 'ts' : 'js'}`, import.meta.url)),
    [],
    {
      // The app is a bundle with an inline source map, so stack traces name the user's own files.
      execArgv: ['--no-warnings', '--enable-source-maps'],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    },
  )
  return new ChildLoader(child, options.timeoutSeconds ?? TIMEOUT_SECONDS)
}

class ChildLoader implements Loader {
  #child: ChildProcess
  #timeoutSeconds: number
  #output = ''
  #ids = 0
  #waiting = new Map<number, { resolve(reply: LoaderReply): void; reject(error: Error): void }>()
  #ended: string | undefined
  #exited: () => void

  constructor(child: ChildProcess, timeoutSeconds: number) {
    this.#child = child
    this.#timeoutSeconds = timeoutSeconds
    // A loader child in an endless loop does not notice that its parent has exited, so it is killed.
    this.#exited = cleanAtExit(() => child.kill('SIGKILL'))
    child.on('message', (reply: LoaderReply) => this.#waiting.get(reply.id)?.resolve(reply))
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-STDERR_KEPT)
      })
    }
    child.on('error', (error) => this.#end(`could not start: ${error.message}`))
    // The loader child's event `close` fires after all output was read, so the error contains the whole
    // output.
    child.on('close', (code, signal) => this.#end(`ended with ${signal ?? `exit code ${code}`}`))
  }

  async config(file: string, label: string): Promise<AnyConfig> {
    const reply = await this.#ask({ kind: 'config', file, label })
    if (reply.error !== undefined)
      throw new UnmoorError(
        'InvalidArgument',
        reply.error.own
          ? reply.error.message
          : `${label} does not load: ${located(reply.error)}${explainCommonJs(reply.error, label)}`,
        {
          operation: 'config',
        },
      )
    return reply.value as AnyConfig
  }

  async manifest(
    file: string,
    label: string,
    name: string,
    onWarning?: (message: string) => void,
  ): Promise<Manifest> {
    const { error, value } = await this.#ask({ kind: 'manifest', file, label, name })
    if (error === undefined) {
      const { manifest, warnings } = value as LoadedManifest
      for (const warning of warnings) onWarning?.(`${label}: ${warning}`)
      return manifest
    }
    if (error.own)
      throw new UnmoorError(
        (error.code ?? 'Internal') as ErrorCode,
        error.message.startsWith(label) ? error.message : `${label}: ${error.message}`,
        {
          operation: 'build',
        },
      )
    throw new UnmoorError(
      'InvalidArgument',
      `${label} throws when it is imported, which the build does to read its ` +
        `bindings: ${located(error)}${this.#printed()}`,
      { operation: 'build' },
    )
  }

  close(): void {
    this.#child.removeAllListeners('close')
    this.#child.kill('SIGKILL')
    this.#exited()
  }

  async #ask(request: Unsent<LoaderRequest>): Promise<LoaderReply> {
    const id = ++this.#ids
    const label = request.label
    let timer: NodeJS.Timeout | undefined
    try {
      return await new Promise<LoaderReply>((resolve, reject) => {
        const ended = (how: string): UnmoorError =>
          new UnmoorError(
            'InvalidArgument',
            `${label}: the process that imported it ${how}.${this.#printed()}`,
            {
              operation: request.kind === 'config' ? 'config' : 'build',
            },
          )
        if (this.#ended !== undefined) return reject(ended(this.#ended))
        this.#waiting.set(id, { resolve, reject: (error) => reject(ended(error.message)) })
        timer = setTimeout(() => {
          this.close()
          const message =
            `${label} was not imported within ${this.#timeoutSeconds} s. Does it wait for ` +
            `something at its top level? Move that into a handler.${this.#printed()}`
          reject(new UnmoorError('Timeout', message, { operation: 'build', retryable: false }))
        }, this.#timeoutSeconds * 1000)
        this.#child.send({ ...request, id })
      })
    } finally {
      clearTimeout(timer)
      this.#waiting.delete(id)
    }
  }

  #end(how: string): void {
    this.#ended = how
    for (const waiting of this.#waiting.values()) waiting.reject(new Error(how))
  }

  #printed(): string {
    const text = shortLines(this.#output.trim())
    return text === '' ? '' : `\nIt printed:\n${text}`
  }
}

/** Says what to do if Node took a config for CommonJS, as it does in a package of that type. */
function explainCommonJs({ message }: NonNullable<LoaderReply['error']>, label: string): string {
  if (!/^Cannot use import statement outside a module|^Unexpected token 'export'/.test(message)) return ''
  const name = label.replace(/\.([jt])s$/, '.m$1s')
  return `. package.json says "type": "commonjs": rename the file to ${name}, or say "type": "module".`
}

/**
 * The message of an error in a config or app, with the position in the user's own file if the stack shows
 * one.
 */
function located(error: NonNullable<LoaderReply['error']>): string {
  // Node begins a syntax error's stack with the position, `file:///x.ts:3`. A stack frame is `at f
  // (file:///x.ts:3:1)`, with a plain path if a source map supplied the file.
  const head = /^(?:file:\/\/)?(\/\S+:\d+)\n/.exec(error.stack)?.[1]
  const frame = error.stack
    .split('\n')
    .find((line) => /^\s+at /.test(line) && !/node:|loader-child/.test(line))
  const place = head ?? /(\/[^\s()]+:\d+:\d+)\)?$/.exec((frame ?? '').replace('file://', ''))?.[1]
  const missing = /^Cannot find package '((?:@[^/']+\/)?[^/']+)/.exec(error.message)?.[1]
  const install = missing === undefined ? '' : `. Run: npm install ${missing}`
  return `${error.name}: ${error.message}${place === undefined ? '' : ` (${place})`}${install}`
}
