import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { endWithDebugger, readMap, withMap } from '../../server/debugging.ts'
import type { IsolateFactory } from '../../engine/engine.ts'
import { StackMapper } from '../../server/stack-mapper.ts'
import { rejectionText, VmIsolateFactory } from '../../engine/vm-isolate-factory.ts'

/**
 * Images for the process of an app that a debugger is let in to: contexts of this process, where Node's
 * inspector sees them.
 */
export class InspectedIsolates {
  readonly app: string
  #log: (level: string, text: string) => void
  #mapper: StackMapper | undefined

  /** `log` takes lines of the app's. */
  constructor(app: string, log: (level: string, text: string) => void) {
    this.app = app
    this.#log = log
    endWithDebugger()
  }

  /** Makes isolates of the app in an artifact's folder. */
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

  /** A rejection that nobody handled: of the app's, as good as always. */
  rejected(error: unknown): void {
    const text = rejectionText(error)
    this.#log('error', this.#mapper?.text(text) ?? text)
  }
}
