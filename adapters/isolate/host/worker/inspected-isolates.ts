import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { endWithDebugger, readMap, withMap } from '../../server/debugging.ts'
import type { IsolateFactory } from '../../engine/engine.ts'
import { StackMapper } from '../../server/stack-mapper.ts'
import { rejectionText, VmIsolateFactory } from '../../engine/vm-isolate-factory.ts'

/**
 * Creates the contexts of an app under a debugger. They are contexts of this process instead of isolates, so
 * that Node's inspector sees them.
 */
export class InspectedIsolates {
  readonly app: string
  #log: (level: string, text: string) => void
  #mapper: StackMapper | undefined

  /** @param log Writes a log line in the app's name. */
  constructor(app: string, log: (level: string, text: string) => void) {
    this.app = app
    this.#log = log
    endWithDebugger()
  }

  /** Returns a factory of contexts for the artifact in a folder. */
  factory(dir: string): IsolateFactory {
    const read = (file: string): string => readFileSync(join(dir, file), 'utf8')
    const map = readMap(dir)
    if (map === undefined)
      this.#log(
        'warn',
        'Its artifact has no app.js.map: a debugger shows the bundle, app.js. A build leaves the map ' +
          'beside it.',
      )
    this.#mapper = new StackMapper(join(dir, 'app.js.map'))
    return new VmIsolateFactory({ webApi: read('web-api.js'), app: withMap(read('app.js'), map) })
  }

  /** Logs an unhandled rejection. It is attributed to the app, as this process serves no other. */
  rejected(error: unknown): void {
    const text = rejectionText(error)
    this.#log('error', this.#mapper?.text(text) ?? text)
  }
}
